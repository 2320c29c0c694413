# Key rotation in Maelstrom's recipe, second part.
# Create a new 'b' key which will be unused now, but will be rotated active next
openssl req -new -x509 -newkey rsa:2048 -sha256 -nodes -days 3560 \
  -keyout server_b.key -out server_b.crt \
  -config tls.conf
