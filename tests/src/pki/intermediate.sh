# Signs the key of another CA, in the folder of that one.
openssl req -new -key "$DIR/ca.key" -out "$DIR/ca.csr" -config "$DIR/ca.conf"
openssl x509 -req -sha256 -days 3560 -in "$DIR/ca.csr" -CA ca.crt -CAkey ca.key -CAcreateserial \
  -extfile "$DIR/ca.conf" -extensions v3_ca -out "$DIR/ca.crt"
cp "$DIR/ca.crt" "$DIR/chain.crt"
test ! -e chain.crt || cat chain.crt >> "$DIR/chain.crt"
