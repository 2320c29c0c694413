# A CA, with what `openssl ca` needs for its revocation list.
cat <<CONF > ca.conf
[req]
prompt = no
distinguished_name = dn
x509_extensions = v3_ca

[dn]
CN = $NAME

[v3_ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash

[ca]
default_ca = this

[this]
database = index.txt
crlnumber = crlnumber
certificate = ca.crt
private_key = ca.key
default_md = sha256
default_crl_days = 30
crl_extensions = crl_ext

[crl_ext]
authorityKeyIdentifier = keyid:always
CONF
: > index.txt
echo 01 > crlnumber
openssl req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha256 -nodes -days 3560 \
  -keyout ca.key -out ca.crt -config ca.conf
