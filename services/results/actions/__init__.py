"""Everything that changes a result, a vote, a subscription or a delivery."""
