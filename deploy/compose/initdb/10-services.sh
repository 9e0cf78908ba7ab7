# A database and two users for each service, at the first start of the server; passwords from its environment (*_DB_PASSWORD,
# *_DB_OWNER_PASSWORD). The owner runs the migrations and grants the service's user what it needs (shared/migrate.py): rows of
# its tables, and of the audit only to insert and to read them. A service cannot change a schema, nor connect to the database of
# another, nor to those of the server.
dure_sql() {
    psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --host /var/run/postgresql --username "${POSTGRES_USER:-postgres}" --dbname postgres "$@"
}

for service in catalog requests analysis results; do
    dure_sql --set service="$service" --set owner="${service}_owner" <<SQL
\getenv password ${service^^}_DB_PASSWORD
\getenv owner_password ${service^^}_DB_OWNER_PASSWORD
CREATE ROLE :"owner" LOGIN PASSWORD :'owner_password' NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 4;
CREATE ROLE :"service" LOGIN PASSWORD :'password' NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 24;
CREATE DATABASE :"service" OWNER :"owner" ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"service" TO :"service";
SQL
done
dure_sql --command 'REVOKE ALL ON DATABASE postgres FROM PUBLIC' --command 'REVOKE ALL ON DATABASE template1 FROM PUBLIC'
