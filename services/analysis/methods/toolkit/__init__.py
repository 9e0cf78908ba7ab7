"""What supervised methods are composed of: honest splits, models, measures, reasons, alarms, and tables that may leave."""
