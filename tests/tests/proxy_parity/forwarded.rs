//! What a proxy in front of the gateway says of the clients behind it.

use node_tests::http::Curl;
use node_tests::upstream::Script;

use crate::play::Stage;

/// What the component is sent when somebody at `from`, which is an address of this machine, says all this of others.
fn seen_from(stage: &Stage, component: &str, from: &str) -> String {
    stage.upstream.plays(Script::answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    let fields = [
        "Host: shop.example",
        "X-Forwarded-For: 203.0.113.1, 203.0.113.2",
        "X-Forwarded-For: 203.0.113.3",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: www.example",
        "Forwarded: for=203.0.113.1;proto=https",
        "Via: 2.0 balancer",
    ];
    let curl = Curl::get(&format!("http://{}/{component}/a", stage.gateway())).option("--interface", from);
    let answer = fields.iter().fold(curl, |curl, field| curl.header(field)).send().unwrap();
    assert_eq!(answer.text(), "ok", "{component} {from}");
    stage.upstream.seen().unwrap().remove(0).to_lowercase()
}

#[test]
fn what_a_trusted_proxy_says_is_joined_with_what_the_gateway_sees() {
    let stage = Stage::with("", "", &[("--trusted-proxy", "127.0.0.2"), ("--trusted-proxy", "127.0.1.0/24")]);
    for component in ["loc", "rem"] {
        for from in ["127.0.0.2", "127.0.1.9"] {
            let seen = seen_from(&stage, component, from);
            for field in [
                format!("x-forwarded-for: 203.0.113.1, 203.0.113.2, 203.0.113.3, {from}"),
                format!(
                    "forwarded: for=203.0.113.1;proto=https, for={from};host=\"shop.example\";proto=http"
                ),
                "x-forwarded-proto: https".to_owned(),
                "x-forwarded-host: www.example".to_owned(),
                "via: 2.0 balancer, 1.1 maelstrom".to_owned(),
                "host: shop.example".to_owned(),
            ] {
                let name = field.split(' ').next().unwrap();
                assert_eq!(lines(&seen, name), [&field], "{component} {from}");
            }
        }
        for from in ["127.0.0.1", "127.0.0.3", "127.0.2.1"] {
            let seen = seen_from(&stage, component, from);
            for field in [
                format!("x-forwarded-for: {from}"),
                format!("forwarded: for={from};host=\"shop.example\";proto=http"),
                "x-forwarded-proto: http".to_owned(),
                "x-forwarded-host: shop.example".to_owned(),
                "via: 1.1 maelstrom".to_owned(),
            ] {
                let name = field.split(' ').next().unwrap();
                assert_eq!(lines(&seen, name), [&field], "{component} {from}");
            }
        }
    }
}

/// The lines of a head that begin so.
fn lines<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    head.lines().filter(|line| line.starts_with(name)).collect()
}
