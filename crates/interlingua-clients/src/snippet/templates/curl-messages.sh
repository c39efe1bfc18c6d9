curl -sS --fail-with-body -N {{url}} \
  -H {{authorization}} \
  -H 'anthropic-version: 2023-06-01' \
  -H 'Content-Type: application/json' \
  -d {{body}}
