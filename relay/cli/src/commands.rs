//! One file for each verb.

pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod connect;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod event;
pub(crate) mod keys;
pub(crate) mod listen;
pub(crate) mod plan;
pub(crate) mod project;
pub(crate) mod replay;
pub(crate) mod retract;
pub(crate) mod secret;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod story;
pub(crate) mod token;
pub(crate) mod why;

use crate::arguments::Command;
use crate::context::Context;
use crate::error::CommandError;

/// Does what the command line asks for.
pub(crate) async fn run(context: &Context, command: Command) -> Result<(), CommandError> {
    match command {
        Command::Serve(serve) => serve::run(context, serve).await,
        Command::Apply(apply) => apply::run(context, &apply).await,
        Command::Check(check) => check::run(context, &check),
        Command::Event(event) => event::run(context, &event).await,
        Command::Send(send) => send::run(context, send).await,
        Command::Retract(retract) => retract::run(context, &retract).await,
        Command::Connect(connect) => connect::run(context, &connect).await,
        Command::Listen(listen) => Box::pin(listen::run(context, listen)).await,
        Command::Story(story) => story::run(context, &story).await,
        Command::Why(why) => why::run(context, &why).await,
        Command::Demo(demo) => Box::pin(demo::run(context, demo)).await,
        Command::Plan(plan) => plan::run(context, &plan).await,
        Command::Simulate(simulate) => simulate::run(context, &simulate).await,
        Command::Project(project) => project::run(context, &project).await,
        Command::Keys(keys) => keys::run(context, &keys).await,
        Command::Secret(secret) => secret::run(context, &secret).await,
        Command::Token(token) => token::run(context, &token).await,
        Command::Replay(replay) => replay::run(context, &replay).await,
        Command::Doctor(doctor) => doctor::run(context, &doctor).await,
    }
}
