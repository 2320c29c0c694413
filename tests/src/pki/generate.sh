# Step 2 of Maelstrom's recipe.
# create three certs
openssl req -new -x509 -newkey rsa:2048 -sha256 -nodes -days 3560 \
  -keyout server_a.key -out server_a.crt \
  -config tls.conf

openssl req -new -x509 -newkey rsa:2048 -sha256 -nodes -days 3560 \
  -keyout server_b.key -out server_b.crt \
  -config tls.conf

openssl req -new -x509 -newkey rsa:2048 -sha256 -nodes -days 3560 \
  -keyout server_c.key -out server_c.crt \
  -config tls.conf
