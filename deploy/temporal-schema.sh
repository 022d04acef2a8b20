#!/bin/sh
# Create or upgrade Temporal's two databases. Safe to repeat: what exists already is left alone.
set -eu # the tool reads the password from SQL_PASSWORD
prepare() {
    tool="temporal-sql-tool --plugin postgres12 --ep $POSTGRES_SEEDS -p $DB_PORT -u $POSTGRES_USER --db $1"
    $tool create
    $tool setup-schema -v 0.0
    $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}
prepare temporal temporal
prepare temporal_visibility visibility
