//! Requests reach a component wherever it lives, whole and unchanged.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::ensure;
use node_tests::cluster::Cluster;
use node_tests::component::Component;
use node_tests::http::Curl;
use node_tests::wait::{TIMEOUT, eventually};
use serde_json::Value;
use tempfile::NamedTempFile;

/// A gateway at one end, a component behind the other.
struct Pair {
    cluster: Cluster,
    component: Component,
}

impl Pair {
    fn start() -> Self {
        let component = Component::start("shop").unwrap();
        let cluster = Cluster::plaintext(&["front", "middle", "back"], |setup| match setup.name() {
            "back" => setup.component("shop", &component.url()),
            _ => setup,
        });
        Self { cluster: cluster.unwrap(), component }
    }

    fn gateway(&self, path: &str) -> String {
        format!("{}{path}", self.cluster.nodes[0].gateway())
    }

    fn private(&self, path: &str) -> String {
        format!("http://{}{path}", self.cluster.nodes[0].private())
    }
}

/// All values of a header that the component saw.
fn header<'a>(seen: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = seen["headers"].as_array().unwrap().iter();
    headers.filter(|header| header[0] == name).map(|header| header[1].as_str().unwrap()).collect()
}

#[test]
fn the_gateway_routes_by_the_first_segment() {
    let pair = Pair::start();
    let answer = Curl::get(&pair.gateway("/shop/cart/7?colour=a%20b&x")).method("DELETE").send().unwrap();
    let seen = answer.json().unwrap();
    assert_eq!(seen["component"], "shop");
    assert_eq!(seen["method"], "DELETE");
    assert_eq!(seen["target"], "/cart/7?colour=a%20b&x");
}

#[test]
fn the_private_port_routes_by_a_header() {
    let pair = Pair::start();
    let request = Curl::get(&pair.private("/cart?x=1")).header("MAELSTROM-COMPONENT: shop");
    let seen = request.send().unwrap().json().unwrap();
    assert_eq!((&seen["component"], &seen["target"]), (&"shop".into(), &"/cart?x=1".into()));
}

#[test]
fn a_component_sees_the_address_of_the_client() {
    let pair = Pair::start();
    let request = Curl::get(&pair.gateway("/shop/")).header("Host: shop.example.com");
    let seen = request.header("X-Forwarded-For: 198.51.100.7").send().unwrap().json().unwrap();
    // What the world says of itself is not believed.
    assert_eq!(header(&seen, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(header(&seen, "x-forwarded-host"), ["shop.example.com"]);
    assert_eq!(header(&seen, "x-forwarded-proto"), ["http"]);
}

#[test]
fn the_gateway_strips_the_fields_of_the_cluster() {
    let pair = Pair::start();
    let ours = pair.cluster.nodes[0].ctl().node("front").unwrap().node_id;
    let request = Curl::get(&pair.gateway("/shop/"))
        .header("MAELSTROM-COMPONENT: other")
        .header(&format!("MAELSTROM-RELAY-PATH: {ours}"))
        .header("MAELSTROM-DEADLINE-NANO: 1")
        .header("MAELSTROM-SECRET: yes");
    let seen = request.send().unwrap().json().unwrap();
    assert_eq!(header(&seen, "maelstrom-component"), ["shop"]);
    assert_eq!(header(&seen, "maelstrom-secret"), [""; 0]);
}

#[test]
fn an_offer_of_http_2_is_answered_in_http_1() {
    let pair = Pair::start();
    for node in &pair.cluster.nodes {
        let answer = Curl::get(&format!("{}/shop/", node.gateway())).flag("--http2").send().unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[test]
fn hop_by_hop_fields_end_at_the_hop() {
    let pair = Pair::start();
    // To a component on another node, and to one on this.
    for node in &pair.cluster.nodes {
        let request = Curl::get(&format!("{}/shop/", node.gateway()));
        let request = request.header("Connection: x-mine").header("X-Mine: 1").header("X-Yours: 2");
        let seen = request.send().unwrap().json().unwrap();
        assert_eq!(header(&seen, "x-mine"), [""; 0]);
        assert_eq!(header(&seen, "x-yours"), ["2"]);
    }
}

#[test]
fn large_bodies_arrive_whole_both_ways() {
    let pair = Pair::start();
    // No two blocks are alike, so that one in a wrong place shows.
    let body: Vec<u8> = (0u32..8 << 20).flat_map(u32::to_le_bytes).collect();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&body).unwrap();
    let answer = Curl::get(&pair.gateway("/shop/echo")).body(file.path()).send().unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 32 << 20));
    assert!(answer.body == body, "the echo differs");
}

#[test]
fn a_slow_reader_holds_up_only_itself() {
    let pair = Pair::start();
    let addr = pair.gateway("").replace("http://", "");
    let before = pair.cluster.nodes[0].memory().unwrap();
    let mut slow = TcpStream::connect(addr).unwrap();
    slow.write_all(b"GET /shop/bytes/268435456 HTTP/1.1\r\nHost: shop\r\n\r\n").unwrap();
    slow.read_exact(&mut [0; 1024]).unwrap();
    for _ in 0..20 {
        let answer = Curl::get(&pair.gateway("/shop/bytes/1000000")).send().unwrap();
        assert_eq!((answer.status, answer.body.len()), (200, 1_000_000));
    }
    // Bytes that are not read wait in the component: the nodes hold no more than a few windows.
    for node in &pair.cluster.nodes {
        let grown = node.memory().unwrap().saturating_sub(before);
        assert!(grown < 64 << 20, "{} holds {grown} bytes more", node.name());
    }
}

#[test]
fn slow_uploads_do_not_stop_a_link() {
    let pair = Pair::start();
    let addr = pair.gateway("").replace("http://", "");
    let upload = b"POST /shop/hold HTTP/1.1\r\nHost: shop\r\nContent-Length: 30\r\n\r\nabc";
    let slow: Vec<_> = (0..600)
        .map(|_| {
            let mut client = TcpStream::connect(&addr).unwrap();
            client.set_read_timeout(Some(TIMEOUT)).unwrap();
            client.write_all(upload).unwrap();
            client
        })
        .collect();
    // They hold no exchange of the link: everybody else is answered, and so is an operator.
    for _ in 0..20 {
        assert_eq!(Curl::get(&pair.gateway("/shop/")).send().unwrap().status, 200);
    }
    pair.component.holds(0).unwrap();
    let ping = pair.cluster.nodes[0].ctl().run(&["ping", "back"]).unwrap();
    assert_eq!(ping.code, 0, "{}", ping.stderr);
    for mut client in slow {
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
    }
}

#[test]
fn a_client_that_goes_away_is_noticed_by_the_component() {
    let pair = Pair::start();
    let addr = pair.gateway("").replace("http://", "");
    let mut client = TcpStream::connect(addr).unwrap();
    client.write_all(b"GET /shop/hold HTTP/1.1\r\nHost: shop\r\n\r\n").unwrap();
    pair.component.holds(1).unwrap();
    drop(client);
    pair.component.holds(0).unwrap();
}

#[test]
fn an_unknown_component_is_not_found() {
    let pair = Pair::start();
    let answers = [
        Curl::get(&pair.gateway("/nobody/x")).send(),
        Curl::get(&pair.gateway("/")).send(),
        Curl::get(&pair.private("/x")).header("MAELSTROM-COMPONENT: nobody").send(),
        Curl::get(&pair.private("/x")).send(),
    ];
    for answer in answers {
        assert_eq!(answer.unwrap().status, 404);
    }
}

#[test]
fn a_component_that_is_down_is_a_bad_gateway() {
    let Pair { cluster, component } = Pair::start();
    let url = format!("{}/shop/", cluster.nodes[0].gateway());
    drop(component);
    let answer = Curl::get(&url).send().unwrap();
    assert_eq!(answer.status, 502);
    assert_eq!(answer.text(), "the component cannot be reached", "the world learns no more");
    let inside =
        Curl::get(&format!("http://{}/", cluster.nodes[0].private())).header("MAELSTROM-COMPONENT: shop");
    let answer = inside.send().unwrap();
    assert!(
        answer.status == 502 && answer.text().contains("component shop at http://127.0.0.1"),
        "{}",
        answer.text()
    );
}

#[test]
fn a_deadline_ends_the_request_everywhere() {
    let pair = Pair::start();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let soon = (now + TIMEOUT / 60).as_nanos();
    let answer = Curl::get(&pair.private("/hold"))
        .header("MAELSTROM-COMPONENT: shop")
        .header(&format!("MAELSTROM-DEADLINE-NANO: {soon}"))
        .send()
        .unwrap();
    assert_eq!(answer.status, 504);
    pair.component.holds(0).unwrap();
}

#[test]
fn a_passed_deadline_is_not_worth_a_try() {
    let pair = Pair::start();
    let request = Curl::get(&pair.private("/")).header("MAELSTROM-COMPONENT: shop");
    assert_eq!(request.header("MAELSTROM-DEADLINE-NANO: 1").send().unwrap().status, 504);
}

#[test]
fn a_request_does_not_run_in_circles() {
    let pair = Pair::start();
    let ours = pair.cluster.nodes[0].ctl().node("front").unwrap().node_id;
    let request = Curl::get(&pair.private("/")).header("MAELSTROM-COMPONENT: shop");
    assert_eq!(request.header(&format!("MAELSTROM-RELAY-PATH: {ours}")).send().unwrap().status, 508);
}

#[test]
fn two_nodes_that_offer_a_component_share_its_requests() {
    let (left, right) = (Component::start("left").unwrap(), Component::start("right").unwrap());
    let mut cluster = Cluster::plaintext(&["front", "left", "right"], |setup| match setup.name() {
        "left" => setup.component("shop", &left.url()),
        "right" => setup.component("shop", &right.url()),
        _ => setup,
    })
    .unwrap();
    let ask = |cluster: &Cluster| {
        let url = format!("{}/shop/", cluster.nodes[0].gateway());
        let answer = Curl::get(&url).send()?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(answer.json()?["component"].as_str().unwrap_or_default().to_owned())
    };
    for wanted in ["left", "right"] {
        eventually(|| {
            let who = ask(&cluster)?;
            ensure!(who == wanted, "{who} answered, {wanted} did not yet");
            Ok(())
        })
        .unwrap();
    }
    cluster.nodes[1].kill();
    // A node that is gone gets no request, or answers none: the other answers its share.
    for _ in 0..20 {
        assert_eq!(ask(&cluster).unwrap(), "right");
    }
}
