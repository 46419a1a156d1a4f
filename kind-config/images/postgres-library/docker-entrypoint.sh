#!/usr/bin/env bash
# Starts PostgreSQL. Where the data folder is empty it makes the cluster first, by the variables that docker-library's
# image documents; where there is a cluster it reads none of them. Charts meet exactly that trap with the published image.
set -euo pipefail

say() { printf 'docker-entrypoint: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }

# Gives the variable $1 the content of the file that $1_FILE names, else its own value, else $2.
take() {
  local name=$1 file=$1_FILE
  if [[ -n ${!file:-} ]]; then
    [[ -z ${!name:-} ]] || die "$name and $file are both set; take one of them away"
    [[ -r ${!file} ]] || die "read $file: there is no file ${!file} that user $(id -un) may read"
    export "$name=$(< "${!file}")"
  else
    export "$name=${!name:-${2-}}"
  fi
  unset "$file"
}

asks_for_words_only() {
  local argument
  for argument; do
    case $argument in
      --help | -\? | --version | -V | --describe-config) return 0 ;;
    esac
  done
  return 1
}

# The folders, for whoever is at work: root makes them for postgres, another user makes what the mounts let it make.
prepare_folders() {
  mkdir -p "$PGDATA" /run/postgresql
  if [[ $EUID == 0 ]]; then
    find "$PGDATA" ! -user postgres -exec chown postgres {} +
    chown postgres:postgres /run/postgresql
    chmod 3775 /run/postgresql
  fi
  # PostgreSQL says what is wrong where this is not allowed and matters.
  chmod 0700 "$PGDATA" 2> /dev/null || true
}

client() {
  psql --no-psqlrc --no-password --set ON_ERROR_STOP=1 --host /run/postgresql --port 5432 --username "$POSTGRES_USER" "$@"
}

make_cluster() {
  local method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  local -a arguments=()
  read -r -a arguments <<< "$POSTGRES_INITDB_ARGS"
  if [[ -n $POSTGRES_PASSWORD ]]; then
    # Through a pipe: an argument would be readable by everybody.
    initdb --username="$POSTGRES_USER" --auth-local=trust --auth-host="$method" \
      --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${arguments[@]}"
  else
    initdb --username="$POSTGRES_USER" --auth-local=trust --auth-host="$method" "${arguments[@]}"
  fi
  printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
}

# A server for this container only: it does not listen on TCP, so nobody outside takes it for the one that stays.
start_for_ourselves() {
  local -a settings=("$@" -c "listen_addresses=" -c port=5432 -c unix_socket_directories=/run/postgresql)
  pg_ctl --wait --silent --options="${settings[*]@Q}" start
}

make_database() {
  local there
  there=$(client --dbname postgres --tuples-only --no-align --set database="$POSTGRES_DB" <<'SQL'
SELECT 1 FROM pg_database WHERE datname = :'database';
SQL
  )
  [[ -n $there ]] && return
  client --dbname postgres --quiet --set database="$POSTGRES_DB" <<'SQL'
CREATE DATABASE :"database";
SQL
}

run_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    [[ -e $file ]] || continue
    case $file in
      *.sh)
        say "running $file"
        if [[ -x $file ]]; then
          "$file"
        else
          # shellcheck disable=SC1090 # Which files there are is for whoever mounts them to say.
          . "$file"
        fi
        ;;
      *.sql)
        say "running $file"
        client --dbname "$POSTGRES_DB" --file "$file"
        ;;
      *.sql.gz)
        say "running $file"
        gunzip --stdout "$file" | client --dbname "$POSTGRES_DB"
        ;;
      *) say "leaving $file alone: its name ends in none of .sh, .sql and .sql.gz" ;;
    esac
  done
}

initialise() {
  take POSTGRES_PASSWORD
  take POSTGRES_USER postgres
  take POSTGRES_DB "$POSTGRES_USER"
  take POSTGRES_INITDB_ARGS
  take POSTGRES_HOST_AUTH_METHOD
  if [[ -z $POSTGRES_PASSWORD && $POSTGRES_HOST_AUTH_METHOD != trust ]]; then
    die "the data folder $PGDATA is empty and there is no password for role $POSTGRES_USER: set POSTGRES_PASSWORD or" \
      "POSTGRES_PASSWORD_FILE to one (POSTGRES_HOST_AUTH_METHOD=trust lets everybody in without)"
  fi
  # A password for clients in general is none for this server.
  unset PGPASSWORD
  make_cluster
  start_for_ourselves "$@"
  make_database
  run_files
  pg_ctl --wait --silent --mode=fast stop
  say "the cluster in $PGDATA is made; from now on its password changes in the database only"
}

if [[ $# == 0 || $1 == -* ]]; then
  set -- postgres "$@"
fi
if [[ $1 != postgres ]] || asks_for_words_only "$@"; then
  exec "$@"
fi
prepare_folders
if [[ $EUID == 0 ]]; then
  # PostgreSQL refuses to run as root.
  exec setpriv --reuid=postgres --regid=postgres --init-groups -- "${BASH_SOURCE[0]}" "$@"
fi
export HOME=/var/lib/postgresql
if [[ -s $PGDATA/PG_VERSION ]]; then
  say "there is a cluster in $PGDATA; POSTGRES_PASSWORD and the variables beside it are not read"
else
  # In a shell of its own, so that nothing of the password is in the environment of the server that stays.
  (initialise "${@:2}")
fi
exec "$@"
