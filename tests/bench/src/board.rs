//! The emulated board, measured by counting instructions, so that the figures repeat.

mod kept;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use board_settings::Settings;
use node_tests::board::{self, Board as Machine, Firmware, Network, Options, Program};
use node_tests::daemon::{Daemon, Setup};
use node_tests::fleet::{self, Fleet, NODES};
use node_tests::http::{Answer, Curl};
use node_tests::pki::{Algorithm, Authority, TlsDir};
use node_tests::wait::{TIMEOUT, eventually};
use serde::Serialize;
use serde_json::Value;

use kept::Sizes;

const NAME: &str = fleet::BOARD;
/// Requests whose instructions are counted together.
const ECHOES: u64 = 50;
const BODY: usize = 128;

/// The figures.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    /// Memory.
    pub sizes: Sizes,
    /// The sizes in the board's sizes.txt.
    pub sizes_before: Option<Sizes>,
    /// What takes the flash: crates.
    pub flash: Vec<(String, u64)>,
    /// What takes the RAM: variables.
    pub ram: Vec<(String, u64)>,
}

/// Most instructions of a handshake, in percent of its operations with keys.
const MOST_OF_KEYS: u64 = 115;
/// How many parts are shown.
const PARTS: usize = 20;

/// Starts one daemon and the board, and counts.
///
/// # Errors
///
/// One of them does not start, a request fails, or a handshake takes much more than its operations with keys.
pub fn measure() -> Result<Board> {
    let keys = TlsDir::generate(Algorithm::P256)?;
    let hub = Setup::named("hub")?.tls(keys.path()).gateway().start()?;
    let keyring = keys.bundle()?;
    let mut settings = Settings::new(NAME, "maelstrom");
    settings.hubs.push(SocketAddrV4::new(board::HOST, hub.private().port())).ok().context("one hub")?;
    settings.keyring = Some(&keyring);
    let machine = Machine::start(Some(&settings), Options { icount: true, ..Options::default() })?;
    let handshake = handshake(&machine)?;
    eventually(|| status(&hub))?;

    let echo = echoes(&hub)?;
    let stack = stack(&hub)?;
    let program = |firmware| Program::find(board::Machine::An386, firmware);
    let sizes = |firmware| board::Sizes::of(program(firmware)?.elf());
    let image = sizes(Firmware::Leaf)?;
    let image_with_ca = sizes(Firmware::Ca)?;
    let with_ca = WithCa::measure()?;
    let image_of_hub = sizes(Firmware::Hub)?;
    let of_hub = OfHub::measure()?;
    let small_image = sizes(Firmware::Small)?;
    let small = Small::measure()?;
    let sizes = Sizes {
        flash: image.flash,
        ram: image.ram,
        ca_flash: image_with_ca.flash,
        ca_ram: image_with_ca.ram,
        ca_stack: with_ca.stack,
        ca_handshake: with_ca.handshake * 1000,
        hub_flash: image_of_hub.flash,
        hub_ram: image_of_hub.ram,
        hub_stack: of_hub.stack,
        hub_heap: of_hub.heap,
        small_flash: small_image.flash,
        small_ram: small_image.ram,
        small_stack: small.stack,
        small_echo: small.echo,
        stack,
        handshake: handshake * 1000,
        p256: p256()?,
        echo,
    };
    let Sizes { handshake, p256, .. } = sizes;
    ensure!(
        handshake * 100 <= p256 * MOST_OF_KEYS,
        "a handshake takes {handshake} instructions, and its operations with keys {p256}"
    );
    let parts = board::Parts::of(program(Firmware::Leaf)?.elf())?;
    let most = |parts: Vec<_>| parts.into_iter().take(PARTS).collect();
    Ok(Board { sizes, sizes_before: Sizes::kept()?, flash: most(parts.flash), ram: most(parts.ram) })
}

/// Microseconds of the board's time in which its processor was busy, and that passed.
struct Counted {
    busy: u64,
    passed: u64,
}

impl Counted {
    fn over(hub: &Daemon, work: impl FnOnce() -> Result<()>) -> Result<Self> {
        let before = Self::at(hub)?;
        work()?;
        let after = Self::at(hub)?;
        Ok(Self { busy: after.busy - before.busy, passed: after.passed - before.passed })
    }

    fn at(hub: &Daemon) -> Result<Self> {
        let status = status(hub)?;
        let number = |field: &str| status[field].as_u64().with_context(|| format!("{field} in {status}"));
        Ok(Self { busy: number("busyMicros")?, passed: number("uptimeMs")? * 1000 })
    }
}

/// Instructions of the operations with P-256 keys until a link is up.
fn p256() -> Result<u64> {
    /// The processor has 25 MHz, and an instruction takes a nanosecond.
    const PER_TICK: u64 = 40;
    let options = Options { icount: true, firmware: Firmware::Vectors, ..Options::default() };
    let machine = Machine::start(None, options)?;
    let line = machine.wait_for_log("ticks: ", TIMEOUT)?;
    let ticks = |of: &str| {
        let (_, rest) = line.split_once(of).with_context(|| line.clone())?;
        let digits = rest.trim_start().split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits.parse::<u64>().with_context(|| line.clone())
    };
    Ok((ticks("agree")? + 3 * ticks("sign")? + 2 * ticks("verify")?) * PER_TICK)
}

/// Instructions for one request that comes back.
fn echoes(hub: &Daemon) -> Result<u64> {
    // The work of the clock and of the idle link is subtracted.
    let idle = Counted::over(hub, || {
        std::thread::sleep(Duration::from_secs(2));
        Ok(())
    })?;
    let echoes = Counted::over(hub, || (0..ECHOES).try_for_each(|_| echo(hub)))?;
    let idle_share = idle.busy * echoes.passed / idle.passed.max(1);
    Ok(echoes.busy.saturating_sub(idle_share) * 1000 / ECHOES)
}

/// The board with a CA: its hub shows a certificate that the CA signed, and a list says that it is not revoked.
struct WithCa {
    stack: u64,
    handshake: u64,
}

impl WithCa {
    fn measure() -> Result<Self> {
        let (authority, hub_keys) = (Authority::new("root")?, TlsDir::empty(Algorithm::P256)?);
        authority.sign(&hub_keys, "hub", &format!("IP:{}", board::HOST))?;
        let keys = TlsDir::with_pair(Algorithm::P256, NAME)?;
        hub_keys.trust(&keys, NAME, NAME)?;
        let hub = Setup::named("hub")?.tls(hub_keys.path()).gateway().start()?;
        let (keyring, certificate, crl) = (keys.bundle()?, authority.certificate()?, authority.crl()?);
        let mut settings = Settings::new(NAME, "maelstrom");
        settings.hubs.push(SocketAddrV4::new(board::HOST, hub.private().port())).ok().context("one hub")?;
        settings.keyring = Some(&keyring);
        settings.authority = Some(&certificate);
        settings.crl = Some(&crl);
        let machine = Machine::start(
            Some(&settings),
            Options { icount: true, firmware: Firmware::Ca, ..Options::default() },
        )?;
        let handshake = handshake(&machine)?;
        eventually(|| status(&hub))?;
        Ok(Self { stack: stack(&hub)?, handshake })
    }
}

/// A board that is a hub, and one server that joined it.
struct OfHub {
    stack: u64,
    heap: u64,
}

impl OfHub {
    fn measure() -> Result<Self> {
        let keys = TlsDir::generate(Algorithm::P256)?;
        let keyring = keys.bundle()?;
        // Free a moment ago.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut settings = Settings::new(NAME, "maelstrom");
        // As the server sees it.
        let listen = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        (settings.keyring, settings.listen) = (Some(&keyring[..]), Some(listen));
        let options =
            Options { firmware: Firmware::Hub, network: Network::Served(port), ..Options::default() };
        let machine = Machine::start(Some(&settings), options)?;
        machine.wait_for_log("before it dialled", TIMEOUT)?;
        let server = Setup::named("server")?.tls(keys.path()).gateway().join(listen.into()).start()?;
        let status = eventually(|| status(&server))?;
        let number = |field: &str| status[field].as_u64().with_context(|| format!("{field} in {status}"));
        Ok(Self { stack: number("stackHighWater")?, heap: number("heapHighWater")? })
    }
}

/// A board with the small firmware, which took new keys.
struct Small {
    stack: u64,
    echo: u64,
}

impl Small {
    fn measure() -> Result<Self> {
        let options = Options { icount: true, firmware: Firmware::Small, ..Options::default() };
        let fleet = Fleet::daemons()?.with_board(options)?;
        fleet.is_whole()?;
        let node = fleet.node(NODES[0]);
        let echo = echoes(node)?;
        fleet.rotate()?;
        fleet.is_whole()?;
        Ok(Self { stack: stack(node)?, echo })
    }
}

fn stack(hub: &Daemon) -> Result<u64> {
    status(hub)?["stackHighWater"].as_u64().context("stackHighWater")
}

/// Microseconds in which the processor was busy with the first link.
fn handshake(machine: &Machine) -> Result<u64> {
    Ok(busy(machine, "when it was linked")? - busy(machine, "before it dialled")?)
}

fn busy(machine: &Machine, when: &str) -> Result<u64> {
    let line = machine.wait_for_log(when, TIMEOUT)?;
    let (_, rest) = line.split_once("busy for ").with_context(|| line.clone())?;
    Ok(rest.split(' ').next().unwrap_or_default().parse()?)
}

fn status(hub: &Daemon) -> Result<Value> {
    ok(Curl::get(&format!("{}/{NAME}/", hub.gateway())).send()?)?.json()
}

fn echo(hub: &Daemon) -> Result<()> {
    let body = "x".repeat(BODY);
    let url = format!("{}/{NAME}/echo", hub.gateway());
    let answer = ok(Curl::get(&url).option("--data-binary", &body).send()?)?;
    ensure!(answer.text() == body, "{:?} came back", answer.text());
    Ok(())
}

fn ok(answer: Answer) -> Result<Answer> {
    ensure!(answer.status == 200, "the board answers {}: {}", answer.status, answer.text());
    Ok(answer)
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<52}{:>12}{:>12}", "board, qemu-mps2-an386", "now", "kept")?;
        let before = |part: fn(&Sizes) -> u64| {
            self.sizes_before.as_ref().map_or_else(|| "none".to_owned(), |sizes| part(sizes).to_string())
        };
        let mut part = |what, part: fn(&Sizes) -> u64| {
            writeln!(f, "{what:<52}{:>12}{:>12}", part(&self.sizes), before(part))
        };
        part("flash", |sizes| sizes.flash)?;
        part("static RAM", |sizes| sizes.ram)?;
        part("stack, at most so far", |sizes| sizes.stack)?;
        part("instructions: mutual TLS, hello and proof", |sizes| sizes.handshake)?;
        part("instructions: of these, operations with keys", |sizes| sizes.p256)?;
        part("instructions: a 128-byte request that comes back", |sizes| sizes.echo)?;
        part("with a CA: flash", |sizes| sizes.ca_flash)?;
        part("with a CA: static RAM", |sizes| sizes.ca_ram)?;
        part("with a CA: stack, at most so far", |sizes| sizes.ca_stack)?;
        part("with a CA: instructions of the handshake", |sizes| sizes.ca_handshake)?;
        part("a hub: flash", |sizes| sizes.hub_flash)?;
        part("a hub: static RAM, its heap included", |sizes| sizes.hub_ram)?;
        part("a hub: stack, at most so far", |sizes| sizes.hub_stack)?;
        part("a hub: heap, at most so far", |sizes| sizes.hub_heap)?;
        part("small: flash", |sizes| sizes.small_flash)?;
        part("small: static RAM", |sizes| sizes.small_ram)?;
        part("small: stack, at most so far, with new keys", |sizes| sizes.small_stack)?;
        part("small: instructions of the request", |sizes| sizes.small_echo)?;
        for (what, parts) in [("flash by crate", &self.flash), ("RAM by variable", &self.ram)] {
            writeln!(f, "{what}")?;
            parts.iter().try_for_each(|(name, bytes)| writeln!(f, "  {name:<50}{bytes:>12}"))?;
        }
        Ok(())
    }
}
