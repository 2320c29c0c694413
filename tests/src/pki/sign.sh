# A pair whose certificate the CA signed, for a node.
cat <<CONF > "$STEM.conf"
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = $NAMES
CONF
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
  -keyout "$DIR/$STEM.key" -out "$STEM.csr" -subj "/CN=$STEM"
openssl x509 -req -sha256 -days 365 -in "$STEM.csr" -CA ca.crt -CAkey ca.key -CAcreateserial \
  -extfile "$STEM.conf" -out "$DIR/$STEM.crt"
test ! -e chain.crt || cat chain.crt >> "$DIR/$STEM.crt"
