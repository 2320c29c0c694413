//! A node shows the whole chain that its file holds, as a server and as a client, to the real openssl.

#[cfg(test)]
mod shown;
