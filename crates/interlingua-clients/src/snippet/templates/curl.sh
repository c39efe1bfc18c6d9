curl -sS --fail-with-body -N {{url}} \
  -H {{authorization}} \
  -H 'Content-Type: application/json' \
  -d {{body}}
