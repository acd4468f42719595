#!/bin/sh
# The tests that can run on a real Oracle and on a real YugabyteDB, there. Arguments: the Python to run them with, and what pytest
# is given besides.
#
# The databases are those that the variables VOYAGER_OPS_TEST_ORACLE_DSN with VOYAGER_OPS_TEST_ORACLE_SYSDBA_DSN, and
# VOYAGER_OPS_TEST_YUGABYTE_DSN, name (one of the two will do); where none is set, those of docker-compose.yaml's profile "test"
# are started and waited for: some minutes when they are new, about 6 GB of memory. They are left running:
# docker compose --profile test down --volumes
set -eu

python=$1
shift

if [ -z "${VOYAGER_OPS_TEST_ORACLE_DSN:-}${VOYAGER_OPS_TEST_ORACLE_SYSDBA_DSN:-}${VOYAGER_OPS_TEST_YUGABYTE_DSN:-}" ]; then
    if [ ! -f .env ]; then
        echo "There is no .env for docker-compose.yaml: cp docker/env.example .env, and write your own passwords into it." >&2
        exit 1
    fi
    docker compose --profile test up --detach --wait --wait-timeout 1800 oracle yugabytedb
    set -a
    . ./.env
    set +a
    export VOYAGER_OPS_TEST_ORACLE_DSN="127.0.0.1:1521/FREEPDB1"
    export VOYAGER_OPS_TEST_ORACLE_SYSDBA_DSN="oracle://SYS:$ORACLE_DB_PASSWORD@127.0.0.1:1521/FREEPDB1?mode=sysdba"
    export VOYAGER_OPS_TEST_YUGABYTE_DSN="yugabytedb://yugabyte:$TARGET_DB_PASSWORD@127.0.0.1:5433/shop"
fi

# In one process: the names of users are fixed on a real Oracle.
exec "$python" -m pytest tests/test_oracle_source.py tests/databases tests/schema tests/snapshot tests/lane tests/verify \
    tests/cutover tests/phases tests/e2e tests/airflow/test_oracle_migration.py "$@"
