#!/bin/sh
# Verifies one push with openssl: verify.sh SECRET ID TIMESTAMP SIGNATURES < body
# Ends with 0 when one of the signatures fits; whether the timestamp is fresh is yours to check.
set -eu
hex=$(printf '%s' "${1#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
wanted=$({ printf '%s.%s.' "$2" "$3"; cat; } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$hex" -binary | openssl base64 -A)
for given in $4; do [ "$given" = "v1,$wanted" ] && exit 0; done
exit 1
