//! A gateway with the component `loc` on its node, and `rem` on another. Both are the same upstream.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use node_tests::cluster::Cluster;
use node_tests::http::Curl;
use node_tests::wait::{TIMEOUT, eventually};

pub struct Pair {
    pub cluster: Cluster,
}

impl Pair {
    /// `url` is that of the upstream.
    pub fn start(url: &str) -> Self {
        let cluster = Cluster::plaintext(&["one", "two"], |setup| {
            let name = if setup.name() == "one" { "loc" } else { "rem" };
            setup.component(name, url)
        })
        .unwrap();
        let pair = Self { cluster };
        eventually(|| {
            let answer = Curl::get(&format!("{}/rem/", pair.cluster.nodes[0].gateway())).send()?;
            anyhow::ensure!(answer.status != 404, "{}", answer.text());
            Ok(())
        })
        .unwrap();
        pair
    }

    pub fn gateway(&self) -> SocketAddr {
        self.cluster.nodes[0].gateway().trim_start_matches("http://").parse().unwrap()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.gateway()).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream
    }
}

/// An upstream that does this with each connection.
pub fn upstream(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    url
}

/// Reads up to the end of a head.
pub fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}
