# Key rotation in Maelstrom's recipe, first part.
# Move 'a' to 'c', effectively deprecating it
mv -f server_a.key server_c.key
mv -f server_a.crt server_c.crt

# Move 'b' to 'a', promoting it to the active key
mv -f server_b.key server_a.key
mv -f server_b.crt server_a.crt
