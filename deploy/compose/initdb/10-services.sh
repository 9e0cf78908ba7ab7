# A database and a user for each service, at the first start of the server; passwords from its environment (*_DB_PASSWORD).
# A service cannot connect to the database of another, nor to those of the server.
dure_sql() {
    psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --host /var/run/postgresql --username "${POSTGRES_USER:-postgres}" --dbname postgres "$@"
}

for service in catalog requests analysis results; do
    dure_sql --set service="$service" <<SQL
\getenv password ${service^^}_DB_PASSWORD
CREATE ROLE :"service" LOGIN PASSWORD :'password' NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 24;
CREATE DATABASE :"service" OWNER :"service" ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
SQL
done
dure_sql --command 'REVOKE ALL ON DATABASE postgres FROM PUBLIC' --command 'REVOKE ALL ON DATABASE template1 FROM PUBLIC'
