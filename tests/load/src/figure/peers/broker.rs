//! What the two brokers have in common: connections that subscribe to topics, and one that publishes to them.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::crowd::Arrivals;
use crate::peer::Peer;
use crate::wire::{mqtt, nats};

/// Subscribers that connect at the same time: fewer than wait for `accept` at any of the brokers.
const CONNECTING_MAX: usize = 64;

/// How a broker is spoken to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wire {
    MqttOverWebSocket,
    NatsOverTcp,
}

/// A connection to a broker.
#[derive(Debug)]
pub(super) enum Client {
    Mqtt(Box<mqtt::Client>),
    Nats(nats::Client),
}

impl Client {
    /// Connects under a name that no other connection has.
    ///
    /// # Errors
    /// If the broker refuses.
    pub(super) async fn open(wire: Wire, to: SocketAddr, name: &str) -> anyhow::Result<Self> {
        Ok(match wire {
            Wire::MqttOverWebSocket => Self::Mqtt(Box::new(mqtt::Client::open(to, name).await?)),
            Wire::NatsOverTcp => Self::Nats(nats::Client::open(to).await?),
        })
    }

    async fn subscribe(&mut self, topic: &str) -> anyhow::Result<()> {
        match self {
            Self::Mqtt(client) => client.subscribe(topic).await,
            Self::Nats(client) => client.subscribe(topic).await,
        }
    }

    /// Publishes a payload to each topic, and waits until the broker has read them all.
    ///
    /// # Errors
    /// If the connection breaks.
    pub(super) async fn publish_each(&mut self, topics: &[String], payload: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Mqtt(client) => client.publish_each(topics, payload).await,
            Self::Nats(client) => client.publish_each(topics, payload).await,
        }
    }

    async fn next(&mut self) -> anyhow::Result<Option<u64>> {
        match self {
            Self::Mqtt(client) => client.next().await,
            Self::Nats(client) => client.next().await,
        }
    }
}

/// Subscribers that are connected, each a task that counts what arrives.
#[derive(Debug)]
pub(super) struct Subscribers {
    tasks: JoinSet<()>,
}

impl Subscribers {
    /// Connects so many to each topic.
    ///
    /// # Errors
    /// If one cannot connect or subscribe.
    pub(super) async fn gather(
        (wire, peer): (Wire, &Peer),
        topics: &[String],
        each: u64,
        arrivals: &Arc<Arrivals>,
    ) -> anyhow::Result<Self> {
        let gate = Arc::new(Semaphore::new(CONNECTING_MAX));
        let mut connecting = JoinSet::new();
        for topic in topics {
            for place in 0..each {
                let (gate, to, topic) = (Arc::clone(&gate), peer.address, topic.clone());
                connecting.spawn(async move {
                    let _place = gate.acquire_owned().await?;
                    let mut client = Client::open(wire, to, &format!("{topic}-{place}")).await?;
                    client.subscribe(&topic).await?;
                    anyhow::Ok(client)
                });
            }
        }
        let mut tasks = JoinSet::new();
        while let Some(client) = connecting.join_next().await {
            tasks.spawn(read(client?.context("a subscriber")?, Arc::clone(arrivals)));
        }
        Ok(Self { tasks })
    }

    /// How many are still connected.
    pub(super) fn connected(&mut self) -> usize {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.len()
    }
}

async fn read(mut client: Client, arrivals: Arc<Arrivals>) {
    while let Ok(Some(items)) = client.next().await {
        if items > 0 {
            arrivals.count(items);
        }
    }
}
