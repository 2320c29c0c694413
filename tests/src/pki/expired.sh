# A pair whose time is over. `openssl req` cannot date back, `openssl ca` can.
cat <<EOF > ca.conf
[ca]
default_ca = ca_default
[ca_default]
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = policy
email_in_dn = yes
unique_subject = no
[policy]
commonName = supplied
EOF
: > index.txt
openssl req -new -newkey rsa:2048 -sha256 -nodes -keyout expired.key -out expired.csr -config tls.conf
openssl ca -batch -config ca.conf -selfsign -create_serial -notext -keyfile expired.key -in expired.csr \
  -extfile tls.conf -extensions v3_req -out expired.crt \
  -startdate 20200101000000Z -enddate 20210101000000Z
rm -f ca.conf index.txt* serial* expired.csr ????????????????*.pem
