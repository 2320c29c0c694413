//! Several upstreams, or several nodes, answer for one component: those that cannot are not asked, and are asked again when they can.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;

use anyhow::{Result, ensure};
use node_tests::cluster::Cluster;
use node_tests::component::Component;
use node_tests::daemon::{Daemon, Setup, Signal};
use node_tests::http::Curl;
use node_tests::upstream::{Script, Upstream};
use node_tests::wait::eventually;
use tokio::net::TcpSocket;

/// Requests that show where all go: that none of so many goes to one of two by chance does not happen.
const MANY: usize = 40;

fn answers(text: &str) -> Script {
    Script::answer(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()))
}

fn fails(status: u16) -> Script {
    Script::answer(&format!("HTTP/1.1 {status} Failed\r\nContent-Length: 0\r\n\r\n"))
}

/// A node with the component `shop`, which has these upstreams and settings.
fn node(urls: &[String], settings: &str) -> Daemon {
    let text = format!("components:\n  shop: {{ urls: {urls:?}, {settings} }}\n");
    Setup::named("node").unwrap().gateway().config(&text).unwrap().start().unwrap()
}

/// Two upstreams, which say who they are.
fn left_and_right() -> [Upstream; 2] {
    ["left", "right"].map(|name| {
        let upstream = Upstream::start().unwrap();
        upstream.plays(answers(name));
        upstream
    })
}

/// A request that brings a body, so that it cannot be sent twice.
fn post(node: &Daemon) -> (u16, String) {
    let answer = Curl::get(&format!("{}/shop/", node.gateway())).option("--data", "hello").send().unwrap();
    (answer.status, answer.text())
}

fn is_answered_by(node: &Daemon, name: &str) -> Result<()> {
    let answer = post(node);
    ensure!(answer == (200, name.to_owned()), "{answer:?}");
    Ok(())
}

/// An address on which nobody listens, for as long as the value lives.
fn refusing() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let addr = socket.local_addr().unwrap();
    (socket, addr)
}

#[test]
fn an_upstream_that_fails_its_health_check_gets_no_requests_until_it_passes() {
    let [left, right] = left_and_right();
    let check = "health_check: { path: /health, interval: 100ms }";
    let node = node(&[left.url(), right.url()], check);
    for name in ["left", "right"] {
        eventually(|| is_answered_by(&node, name)).unwrap();
    }
    left.plays(fails(500));
    node.wait_for_log(&format!("{} is down and gets no requests", left.url())).unwrap();
    for _ in 0..MANY {
        is_answered_by(&node, "right").unwrap();
    }
    left.plays(answers("left"));
    node.wait_for_log(&format!("{} is up again", left.url())).unwrap();
    eventually(|| is_answered_by(&node, "left")).unwrap();
}

#[test]
fn a_component_without_a_healthy_upstream_is_asked_at_another_node() {
    let [left, right] = left_and_right();
    let cluster = Cluster::plaintext(&["front", "back"], |setup| {
        let url = if setup.name() == "front" { left.url() } else { right.url() };
        let check = "health_check: { path: /health, interval: 100ms }";
        setup.config(&format!("components:\n  shop: {{ url: {url:?}, {check} }}\n")).unwrap()
    })
    .unwrap();
    let front = &cluster.nodes[0];
    for _ in 0..MANY {
        is_answered_by(front, "left").unwrap();
    }
    left.plays(fails(500));
    front.wait_for_log("is down and gets no requests").unwrap();
    for _ in 0..MANY {
        is_answered_by(front, "right").unwrap();
    }
    right.plays(fails(500));
    cluster.nodes[1].wait_for_log("is down and gets no requests").unwrap();
    let curl = Curl::get(&format!("{}/shop/", front.gateway())).flag("--include");
    let answer = curl.send().unwrap();
    assert!(answer.status == 503 && answer.text().contains("retry-after: 1\r\n"), "{}", answer.text());
    left.plays(answers("left"));
    eventually(|| is_answered_by(front, "left")).unwrap();
}

#[test]
fn an_upstream_whose_answers_fail_is_left_out_for_a_while() {
    let [left, right] = left_and_right();
    let node = node(&[left.url(), right.url()], "");
    left.plays(fails(502));
    // Five in a row. Another one comes for each ten seconds that this takes.
    let failed = (0..2 * MANY).filter(|_| post(&node).0 == 502).count();
    assert!((5..=15).contains(&failed), "{failed}");
    left.plays(answers("left"));
    eventually(|| is_answered_by(&node, "left")).unwrap();
}

#[test]
fn an_upstream_that_refuses_connections_costs_no_request() {
    let (socket, addr) = refusing();
    let right = Upstream::start().unwrap();
    right.plays(answers("right"));
    let node = node(&[format!("http://{addr}"), right.url()], "");
    for _ in 0..MANY {
        is_answered_by(&node, "right").unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let listener = socket.listen(64).unwrap().into_std().unwrap();
    listener.set_nonblocking(false).unwrap();
    let _left = Upstream::on(listener, answers("left")).unwrap();
    eventually(|| is_answered_by(&node, "left")).unwrap();
}

#[test]
fn a_request_whose_connection_was_refused_goes_to_another_node() {
    let (_socket, addr) = refusing();
    let right = Upstream::start().unwrap();
    right.plays(answers("right"));
    let cluster = Cluster::plaintext(&["front", "other", "back"], |setup| match setup.name() {
        "back" => setup.component("shop", &right.url()),
        _ => setup.component("shop", &format!("http://{addr}")),
    })
    .unwrap();
    // A component of this node is asked first. The body was not sent yet.
    for _ in 0..MANY {
        is_answered_by(&cluster.nodes[0], "right").unwrap();
    }
    let seen = right.seen().unwrap();
    assert!(seen.len() == MANY && seen.iter().all(|seen| seen.ends_with("\r\n\r\nhello")), "{seen:?}");
}

#[test]
fn a_component_has_no_more_requests_than_it_allows() {
    let shop = Component::start("shop").unwrap();
    let cluster = Cluster::plaintext(&["front", "back"], |setup| match setup.name() {
        "back" => {
            let text = format!("components:\n  shop: {{ url: {:?}, max_requests: 2 }}\n", shop.url());
            setup.config(&text).unwrap()
        }
        _ => setup,
    })
    .unwrap();
    for node in &cluster.nodes {
        let ask = |path: &str| {
            Curl::get(&format!("{}/shop{path}", node.gateway())).flag("--include").send().unwrap()
        };
        for _ in 0..3 {
            thread::scope(|scope| {
                let held = [(); 2].map(|()| scope.spawn(|| ask("/hold")));
                shop.holds(2).unwrap();
                let refused = ask("/");
                let text = refused.text();
                assert!(refused.status == 503 && text.contains("retry-after: 1\r\n"), "{text}");
                assert!(text.ends_with("the component takes no more requests at present"), "{text}");
                shop.release();
                for held in held {
                    assert_eq!(held.join().unwrap().status, 200);
                }
            });
        }
        // One after the other, as many as one likes. The place of an answer is free once it was passed on.
        eventually(|| {
            ensure!(ask("/").status == 200);
            Ok(())
        })
        .unwrap();
    }
}

/// A node in front of two others, which both have a component, and both are asked.
fn front_of_two(components: &[Component; 2]) -> Cluster {
    let cluster = Cluster::plaintext(&["front", "left", "right"], |setup| match setup.name() {
        "left" => setup.component("shop", &components[0].url()),
        "right" => setup.component("shop", &components[1].url()),
        _ => setup,
    })
    .unwrap();
    for name in ["left", "right"] {
        eventually(|| is_asked(&cluster, name)).unwrap();
    }
    cluster
}

fn is_asked(cluster: &Cluster, name: &str) -> Result<()> {
    let (status, text) = post(&cluster.nodes[0]);
    ensure!(status == 200 && text.contains(&format!(r#""component":"{name}""#)), "{status} {text}");
    Ok(())
}

#[test]
fn a_node_that_drains_answers_what_it_has_and_gets_no_more() {
    let components = ["left", "right"].map(|name| Component::start(name).unwrap());
    let mut cluster = front_of_two(&components);
    let url = format!("{}/shop/hold", cluster.nodes[0].gateway());
    // The second one goes to the node that has none.
    let held = [0, 1].map(|before| {
        let url = url.clone();
        let held = thread::spawn(move || Curl::get(&url).send());
        eventually(|| {
            let count: usize = components.iter().map(Component::held).sum();
            ensure!(count == before + 1, "{count}");
            Ok(())
        })
        .unwrap();
        held
    });
    cluster.nodes[1].signal(Signal::TERM).unwrap();
    cluster.nodes[1].wait_for_log("leaving").unwrap();
    for _ in 0..MANY {
        is_asked(&cluster, "right").unwrap();
    }
    for component in &components {
        component.holds(1).unwrap();
        component.release();
    }
    for held in held {
        let answer = held.join().unwrap().unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "released"));
    }
    assert!(cluster.nodes[1].wait_for_exit().unwrap().success());
}
