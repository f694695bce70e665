#!/bin/sh
# healthcheck.sh --connect --innodb_initialized: is the server up? Named and called as in the public image.
# "Access denied" counts as up: a data volume may be older than the password of this container.
answer=$(MYSQL_PWD=${MARIADB_ROOT_PASSWORD:-${MYSQL_ROOT_PASSWORD:-}} \
    mariadb -h 127.0.0.1 -u root --batch --skip-column-names -e 'SELECT 1' 2>&1) && exit 0
case $answer in
*'Access denied'*) exit 0 ;;
esac
printf '%s\n' "$answer"
exit 1
