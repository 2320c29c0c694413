//! Boards on a switch: one hub, and leaves that know nobody else.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use embassy_futures::select::{Either, select};
use embassy_net::Stack;
use embassy_time::{Duration, Timer};
use node_core::crypto::{P256Secret, PublicKey, SoftwareSigner};
use node_core::id::NodeId;
use node_core::keys::{MAX_SEALED, Sealer};
use node_core::rpc::{Code, Method};
use node_core::time::UnixTime;
use node_embedded::{
    Answer, Application, Call, CallError, ExchangeError, Leaf, LeafResources, Listen, MethodCall, Parts,
    Reply, Request, Settings, StartError, start,
};
use rand_core::OsRng;

use crate::clock::run;
use crate::flash::{self, Failure, Flash};
use crate::identity::{Identity, named_bundle};
use crate::switch::Switch;
use crate::task::Task;

/// The time of the firmware's build: 2026-11-30T12:00:00Z.
const BUILT: UnixTime = UnixTime(1_796_040_000);
pub const CLUSTER: &str = "maelstrom";
/// The hub's address.
pub const HUB: [&str; 1] = ["10.0.0.1:8374"];

/// The method that says who answers.
pub const WHO: u16 = 0x1000;

/// A board with its keys, its flash and its network.
pub struct Board {
    pub name: &'static str,
    pub identity: Identity,
    pub flash: Flash,
    pub network: Stack<'static>,
    is_hub: bool,
}

/// A running board. It stops when this is dropped.
pub struct Running {
    pub node: Leaf<'static>,
    /// The board itself.
    pub task: Task,
}

impl Board {
    /// Starts the board with this keyring, unless its flash holds one.
    pub async fn boot(&self, keyring: &[u8]) -> Running {
        let settings = Settings {
            not_before: BUILT,
            keyring: Some(Box::leak(keyring.into())),
            uses: &["hub-echo", "one-echo", "two-echo"],
            listen: self.is_hub.then(|| Listen::at(&HUB)),
            ..Settings::new(self.name, CLUSTER, if self.is_hub { &[] } else { &HUB })
        };
        self.boot_with(settings).await
    }

    pub async fn boot_with(&self, settings: Settings<'static>) -> Running {
        self.try_boot(settings).await.unwrap()
    }

    pub async fn try_boot(&self, settings: Settings<'static>) -> Result<Running, StartError<Failure>> {
        let parts = Parts {
            network: self.network,
            rng: OsRng,
            flash: self.flash.clone(),
            flash_range: flash::RANGE,
            application: Echo::new(self.name),
        };
        let resources = Box::leak(Box::new(LeafResources::new()));
        let (node, mut runner) = start(resources, settings, parts).await.map_err(|refused| refused.error)?;
        let task: Task = Box::pin(async move {
            runner.run().await;
        });
        Ok(Running { node, task })
    }
}

/// A hub and two leaves, which are off.
pub struct World {
    pub switch: Switch,
    pub hub: Board,
    pub one: Board,
    pub two: Board,
}

impl World {
    pub fn new() -> (Self, Vec<Task>) {
        let switch = Switch::default();
        let mut tasks = Vec::new();
        let mut board = |name, number, is_hub| {
            let (network, task) = switch.join(number);
            tasks.push(task);
            Board { name, identity: Identity::new(), flash: Flash::new(), network, is_hub }
        };
        let (hub, one, two) = (board("hub", 1, true), board("one", 2, false), board("two", 3, false));
        (Self { switch, hub, one, two }, tasks)
    }

    /// The hub's keyring: it trusts both leaves. `one` is an operator as well.
    pub fn hub_keyring(&self) -> Vec<u8> {
        let trusted = [("one.leaf.operator", &self.one.identity), ("two.leaf", &self.two.identity)];
        named_bundle(&[("hub.hub", &self.hub.identity)], &trusted)
    }

    /// The keyring of a leaf: it trusts the hub. Its operator is `one`.
    pub fn leaf_keyring(&self, leaf: &Board) -> Vec<u8> {
        let hub = ("hub.hub", &self.hub.identity);
        match leaf.name {
            "one" => named_bundle(&[("one.leaf.operator", &leaf.identity)], &[hub]),
            _ => named_bundle(&[("two.leaf", &leaf.identity)], &[hub, ("one.operator", &self.one.identity)]),
        }
    }

    pub async fn boot_hub(&self) -> Running {
        self.hub.boot(&self.hub_keyring()).await
    }

    pub async fn boot_leaf(&self, leaf: &Board) -> Running {
        leaf.boot(&self.leaf_keyring(leaf)).await
    }
}

/// Runs `test` with a hub and two leaves that are linked to it.
pub fn with_boards<T>(test: impl AsyncFnOnce(&World, Leaf<'static>, Leaf<'static>, Leaf<'static>) -> T) -> T {
    let (world, tasks) = World::new();
    run(tasks, async {
        let hub = world.boot_hub().await;
        let (one, two) = (world.boot_leaf(&world.one).await, world.boot_leaf(&world.two).await);
        let (hub_node, one_node, two_node) = (hub.node, one.node, two.node);
        let test = async {
            until(|| hub_node.links() == 2 && hub_node.members() == 3).await;
            test(&world, hub_node, one_node, two_node).await
        };
        beside([hub.task, one.task, two.task], test).await
    })
}

/// Runs `test` beside boards, which lose their power at its end.
pub async fn beside<T, const N: usize>(tasks: [Task; N], test: impl Future<Output = T>) -> T {
    let boards = embassy_futures::join::join_array(tasks);
    match select(test, boards).await {
        Either::First(result) => result,
        Either::Second(_) => unreachable!("a board runs for ever"),
    }
}

/// Waits until something is true.
pub async fn until(is: impl Fn() -> bool) {
    while !is() {
        Timer::after_millis(50).await;
    }
}

/// Bytes of the response to `/long`.
pub const LONG: usize = 5000;

/// A component that sends back what it gets, and a method that names the board.
struct Echo {
    name: &'static str,
    components: [&'static str; 1],
}

impl Echo {
    fn new(name: &'static str) -> Self {
        Self { name, components: [format!("{name}-echo").leak()] }
    }
}

impl Application for Echo {
    fn components(&self) -> &[&str] {
        &self.components
    }

    async fn serve(&self, request: &Request<'_>, answer: &mut Answer<'_, '_>) -> Result<(), ExchangeError> {
        match request.path() {
            "/path" => {
                let path = request.field("maelstrom-relay-path").unwrap_or_default();
                answer.send(200, "text/plain", path).await
            }
            "/collect" => {
                let (mut part, mut length) = ([0; 100], 0);
                loop {
                    match answer.read(&mut part).await? {
                        0 => return answer.send(200, "text/plain", length.to_string().as_bytes()).await,
                        read => length += read,
                    }
                }
            }
            "/long" => answer.send(200, "text/plain", &[7; LONG]).await,
            "/never" => core::future::pending().await,
            _ => {
                answer.begin(200, &[]).await?;
                let mut part = [0; 100];
                loop {
                    match answer.read(&mut part).await? {
                        0 => return Ok(()),
                        read => answer.write(&part[..read]).await?,
                    }
                }
            }
        }
    }

    async fn call(&self, method: u16, _: &[u8], reply: &mut Reply<'_, '_>) -> Result<(), ExchangeError> {
        match method {
            WHO => reply.ok(&self.name).await,
            _ => reply.error(Code::UnknownMethod, "no").await,
        }
    }
}

/// Sends `body` to a component and returns status and body of the response.
pub async fn call(
    node: &Leaf<'_>,
    component: &str,
    path: &str,
    body: &[u8],
) -> Result<(u16, Vec<u8>), CallError> {
    let mut head = [0; 512];
    let call = Call { timeout: Duration::from_secs(20), ..Call::post(component, path, body) };
    let mut response = node.call(&call, &mut head).await?;
    let (mut whole, mut part) = (Vec::new(), [0; 64]);
    loop {
        match response.read(&mut part).await? {
            0 => return Ok((response.status(), whole)),
            read => whole.extend_from_slice(&part[..read]),
        }
    }
}

/// Makes requests with short and long bodies, and short and long responses.
pub async fn exchange(node: &Leaf<'_>, component: &str) {
    for length in [0, 1, 300] {
        let body = vec![7; length];
        assert_eq!(call(node, component, "/", &body).await.unwrap(), (200, body));
    }
    assert_eq!(call(node, component, "/collect", &[7; LONG]).await.unwrap(), (200, b"5000".to_vec()));
    assert_eq!(call(node, component, "/long", b"").await.unwrap(), (200, vec![7; LONG]));
}

/// The name that a node says.
pub async fn who(from: &Leaf<'_>, node: NodeId) -> Result<String, CallError> {
    let mut buffer = [0; 100];
    let call = MethodCall { node: Some(node), method: WHO, body: &[], timeout: Duration::from_secs(10) };
    let name =
        from.call_method(&call, &mut buffer).await?.map_err(|error| CallError::Answered(error.code))?;
    Ok(postcard::from_bytes::<&str>(name).unwrap().to_owned())
}

/// Sends a keyring to a node, sealed by the operator with this key.
pub async fn push(
    from: &Leaf<'_>,
    operator: &Identity,
    to: (NodeId, PublicKey),
    keyring: &[u8],
) -> Result<(), String> {
    std::thread_local! {
        static EPOCH: Cell<u64> = const { Cell::new(1000) };
    }
    let epoch = EPOCH.replace(EPOCH.get() + 1);
    let signer = SoftwareSigner::new(P256Secret(&operator.secret())).unwrap();
    let certificate = operator.fingerprint();
    let sealer = Sealer { cluster: CLUSTER, board: to.1, epoch, certificate, signer: &signer };
    let mut buffer = [0; MAX_SEALED];
    let sealed = sealer.seal(keyring, &mut OsRng, &mut buffer).unwrap();
    let method = Method::KeysReplace.number();
    let call = MethodCall { node: Some(to.0), method, body: sealed, timeout: Duration::from_secs(30) };
    let mut answer = [0; 300];
    match from.call_method(&call, &mut answer).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.message.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Counts what happened in a load.
#[derive(Default)]
pub struct Tally {
    pub good: Cell<usize>,
    pub bad: RefCell<Vec<String>>,
}

/// Makes requests to a component for ever, one after the other.
pub async fn load(node: Leaf<'_>, component: &str, tally: Rc<Tally>) {
    for number in 0usize.. {
        let body = vec![number as u8; number % 500];
        match call(&node, component, "/", &body).await {
            Ok((200, answer)) if answer == body => tally.good.set(tally.good.get() + 1),
            other => tally.bad.borrow_mut().push(format!("{component}: {other:?}")),
        }
        Timer::after_millis(20).await;
    }
}
