# Step 1 of Maelstrom's recipe, with the names of the sections.
cat <<EOF > tls.conf
[req]
default_bits = 2048
prompt = no
default_md = sha256
x509_extensions = v3_req
distinguished_name = dn

[dn]
C = ES
ST = MyState
L = MyCity
O = MyOrg
emailAddress = admin@maelstrom.example.com
CN = maelstrom.example.com

[v3_req]
subjectAltName = @alt_names

[alt_names]
DNS.1 = maelstrom.example.com
EOF
