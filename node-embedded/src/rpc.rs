//! Answers the built-in methods, and passes the firmware's own methods on to it.

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use embedded_storage_async::nor_flash::NorFlash;
use node_core::crypto::{PublicKey, Software};
use node_core::id::NodeId;
use node_core::keys::{Bundle, Keyring};
use node_core::rpc::{Code, Counters, Event, KeySlot, LEASE_S, MemberItem, Method, Status, Subscribe};

use crate::application::{Application, Reply};
use crate::exchange::Exchange;
use crate::flash::{KeySlots, KeyringMemory, Wear};
use crate::sizes::HEAD;
use crate::state::{Core, ExchangeError, State, now};

#[cfg(feature = "logs")]
mod logs;
mod replace;

/// Answers methods.
pub(crate) struct Methods<'r, 'd, F: NorFlash, A> {
    pub(crate) state: &'d State<'d>,
    pub(crate) application: &'r A,
    pub(crate) keyring: &'r Mutex<NoopRawMutex, KeyringMemory<'d, F>>,
}

impl<F: NorFlash, A: Application> Methods<'_, '_, F, A> {
    /// Answers a method of the firmware's own, or takes an event. `buffer` holds its body.
    pub(crate) async fn custom(
        &self,
        exchange: &mut Exchange<'_>,
        number: u16,
        buffer: &mut [u8; HEAD],
    ) -> Result<(), ExchangeError> {
        let mut reply = Reply::new(exchange);
        let Some(length) = read_body(reply.exchange(), buffer).await? else {
            return reply.error(Code::BadRequest, "the body is too long for this board").await;
        };
        let body = buffer.get(..length).unwrap_or_default();
        if number != Method::Event.number() {
            return self.application.call(number, body, &mut reply).await;
        }
        match postcard::take_from_bytes::<Event<'_>>(body) {
            Ok((event, data)) if self.application.event(&event, data).await => reply.ok(&()).await,
            Ok(_) => reply.error(Code::Refused, "this board does not subscribe to that").await,
            Err(_) => reply.error(Code::BadRequest, "this is no event").await,
        }
    }

    async fn subscribe(&self, reply: &mut Reply<'_, '_>, body: &[u8]) -> Result<(), ExchangeError> {
        let Ok(Subscribe { topic, subscriber }) = postcard::from_bytes(body) else {
            return reply.error(Code::BadRequest, "this is no subscription").await;
        };
        if !self.application.topics().contains(&topic) {
            return reply.error(Code::Refused, "this board does not publish that topic").await;
        }
        match self.state.with(|core| core.subscribers.renew(now(), subscriber, topic)) {
            true => reply.ok(&LEASE_S).await,
            false => reply.error(Code::Refused, "this board has no room for another subscriber").await,
        }
    }

    /// Answers a built-in method. `buffer` holds the body of a short request.
    pub(crate) async fn answer(
        &self,
        exchange: &mut Exchange<'_>,
        number: u16,
        buffer: &mut [u8; HEAD],
    ) -> Result<(), ExchangeError> {
        let mut reply = Reply::new(exchange);
        match Method::from_number(number) {
            Some(Method::Ping) => {
                let Some(length) = read_body(reply.exchange(), buffer).await? else {
                    return reply.error(Code::BadRequest, "the ping is too long").await;
                };
                reply.ok(&()).await?;
                reply.exchange().write(buffer.get(..length).unwrap_or_default()).await
            }
            Some(Method::Status) => self.status(&mut reply).await,
            Some(Method::Members) => self.members(&mut reply).await,
            Some(Method::Components) => {
                reply.ok(&()).await?;
                for name in self.application.components() {
                    reply.item(name).await?;
                }
                Ok(())
            }
            Some(Method::Counters) => self.counters(&mut reply).await,
            Some(Method::KeysList) => self.list_keys(&mut reply).await,
            Some(Method::KeysReplace) => self.replace_keys(&mut reply).await,
            Some(Method::Subscribe) => {
                let length = read_body(reply.exchange(), buffer).await?.unwrap_or_default();
                self.subscribe(&mut reply, buffer.get(..length).unwrap_or_default()).await
            }
            // A worker of the application answers an event, and one of its own shows the log.
            Some(Method::JsonRpc | Method::Logs | Method::Event) | None => {
                reply.error(Code::UnknownMethod, "this board has no such method").await
            }
        }
    }

    async fn status(&self, reply: &mut Reply<'_, '_>) -> Result<(), ExchangeError> {
        let (links, members) = self.state.with(|core| (core.links_up(), core.node.members().count()));
        let status = Status {
            name: self.state.settings.name,
            version: self.state.settings.version,
            uptime_ms: now().as_micros() / 1000,
            links: u32::try_from(links).unwrap_or(u32::MAX),
            members: u32::try_from(members).unwrap_or(u32::MAX),
            stack_high_water: self.application.stack_high_water(),
        };
        reply.ok(&status).await
    }

    async fn counters(&self, reply: &mut Reply<'_, '_>) -> Result<(), ExchangeError> {
        // Apart, so that the flash is free again while the caller is slow.
        let wear = self.keyring.lock().await.store.wear().await;
        let Ok(Wear { erased: pages_erased, pages }) = wear else {
            return reply.error(Code::Internal, "the count of erases cannot be read from flash").await;
        };
        let stack_size = self.application.stack_size();
        let counted = self.state.with(|core| core.counters);
        reply.ok(&Counters { pages_erased, pages, stack_size, ..counted }).await
    }

    async fn members(&self, reply: &mut Reply<'_, '_>) -> Result<(), ExchangeError> {
        reply.ok(&()).await?;
        let mut last = None;
        // Members may come and go while the caller reads slowly, so each one is looked up by the id before it.
        while let Some((id, bytes)) = self.state.with(|core| next_member(core, last)) {
            last = Some(id);
            reply.exchange().write(&bytes).await?;
        }
        Ok(())
    }

    async fn list_keys(&self, reply: &mut Reply<'_, '_>) -> Result<(), ExchangeError> {
        let slots = {
            let mut memory = self.keyring.lock().await;
            let bundle = memory.store.keyring().await.ok().flatten();
            bundle.and_then(|bundle| read_slots(&bundle, self.state.held_key()))
        };
        // Borrowed, not moved: this future would keep a second copy.
        let Some(slots) = &slots else {
            return reply.error(Code::Internal, "the keyring cannot be read from flash").await;
        };
        let active = Keyring::new(slots).ok().map(|keyring| keyring.active().certificate);
        reply.ok(&()).await?;
        for info in slots.iter().cloned() {
            let active = active == Some(info.certificate);
            reply.item(&KeySlot { info, active }).await?;
        }
        Ok(())
    }
}

/// Reads a whole body; `None` when it is longer than `buffer`.
async fn read_body(exchange: &mut Exchange<'_>, buffer: &mut [u8]) -> Result<Option<usize>, ExchangeError> {
    let mut filled = 0;
    loop {
        let room = buffer.get_mut(filled..).unwrap_or_default();
        if room.is_empty() {
            return Ok((exchange.read(&mut [0]).await? == 0).then_some(filled));
        }
        match exchange.read(room).await? {
            0 => return Ok(Some(filled)),
            read => filled += read,
        }
    }
}

/// The public part of each slot in a bundle that was checked before.
fn read_slots(bundle: &[u8], held: Option<PublicKey>) -> Option<KeySlots> {
    Bundle::decode(bundle).ok()?.validate_with(&Software, held).ok()
}

fn next_member(core: &Core<'_>, after: Option<NodeId>) -> Option<(NodeId, heapless::Vec<u8, 128>)> {
    let member = core.node.members().find(|member| after.is_none_or(|after| member.record.id > after))?;
    let id = member.record.id;
    let item =
        MemberItem { id, name: member.metadata.name, state: member.record.state, linked: member.linked };
    let mut buffer = [0; 128];
    let bytes = postcard::to_slice(&item, &mut buffer).ok()?;
    Some((id, heapless::Vec::from_slice(bytes).ok()?))
}
