//! OpenSSL as the client, over a real connection.

use std::format;
use std::fs::write;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::string::String;

use super::*;

/// Starts `openssl s_client` with these further arguments, and accepts its connection.
fn s_client(shows: Option<&Shows>, arguments: &[&str]) -> (Child, TcpStream, tempfile::TempDir) {
    let home = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = Command::new("openssl");
    command.args(["s_client", "-quiet", "-tls1_3", "-connect"]);
    command.arg(format!("{}", listener.local_addr().unwrap()));
    if let Some(shows) = shows {
        let (certificate, key) = (home.path().join("crt.der"), home.path().join("key.der"));
        write(&certificate, &shows.der).unwrap();
        write(&key, shows.key.serialize_der()).unwrap();
        command.arg("-cert").arg(certificate).args(["-certform", "DER"]);
        command.arg("-key").arg(key).args(["-keyform", "DER"]);
    }
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    let (stream, _) = listener.accept().unwrap();
    (child, stream, home)
}

/// Serves the connection until the client has closed it, and sends back what it says in capitals.
fn serve(server: &mut Server, stream: &mut TcpStream) -> Result<(), AcceptError> {
    let mut buffer = [0; 1000];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        let said = server.receive(&buffer[..read]);
        if let Ok(said) = &said
            && !said.is_empty()
        {
            server.machine.write(&said.to_ascii_uppercase(), &mut server.records).unwrap();
        }
        stream.write_all(&server.send()).unwrap();
        said?;
        if read == 0 || server.machine.is_closed() {
            return Ok(());
        }
    }
}

#[test]
fn openssl_gets_a_session() {
    let shows = Shows::new();
    let (mut child, mut stream, _home) = s_client(Some(&shows), &["-alpn", "mael/1"]);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"hello\n").unwrap();
    let reader = std::thread::spawn(move || {
        let mut said = [0; 6];
        child.stdout.take().unwrap().read_exact(&mut said).unwrap();
        drop(stdin);
        child.kill().unwrap();
        child.wait().unwrap();
        String::from_utf8(said.to_vec()).unwrap()
    });
    let mut server = Server::new(shows.trusted_as(Role::Leaf));
    // The end of the client may be a reset.
    serve(&mut server, &mut stream).unwrap();
    assert_eq!(reader.join().unwrap(), "HELLO\n");
    assert_eq!(server.machine.peer().unwrap().certificate, shows.fingerprint());
}

#[test]
fn openssl_without_a_trusted_certificate_gets_none() {
    let unknown = Shows::new();
    for shows in [None, Some(&unknown)] {
        let (mut child, mut stream, _home) = s_client(shows, &[]);
        let mut server = Server::new(Shows::new().trusted_as(Role::Leaf));
        serve(&mut server, &mut stream).unwrap_err();
        assert!(server.machine.peer().is_none());
        drop(stream);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn openssl_with_groups_that_this_server_lacks_gets_none() {
    let shows = Shows::new();
    let (mut child, mut stream, _home) = s_client(Some(&shows), &["-groups", "X25519"]);
    let mut server = Server::new(shows.trusted_as(Role::Leaf));
    let refused = serve(&mut server, &mut stream).unwrap_err();
    assert!(matches!(refused, AcceptError::Incompatible), "{refused:?}");
    drop(stream);
    child.kill().unwrap();
    child.wait().unwrap();
}
