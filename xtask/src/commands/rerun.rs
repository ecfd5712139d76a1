//! A verb that needs a feature which this build does not have: where cargo started us in this workspace, cargo starts us again with it.

use crate::commands::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::world::{CleanEnvironment, CommandLine, Leash, World};

/// Set for the second start, so that there is no third.
const AGAIN: &str = "GATELINE_STARTED_AGAIN_FOR";

/// Starts the same verb with the feature, and ends as it ends.
pub(super) async fn with_feature(context: &Context, feature: &str) -> anyhow::Result<Exit> {
    let Some(command) = command(&context.world, feature) else {
        return Err(Failure::usage(
            format!("this gateline was built without the feature `{feature}`"),
            format!(
                "use the released binary, or build it so: cargo build --package gateline --features {feature}"
            ),
        ));
    };
    context.console.note(format!("this build is the light one; starting again with the feature `{feature}`"));
    context.console.detail(format!("$ {command}"));
    let mut child = context.world.spawn(&command, |_| {})?;
    let leash = Leash::of(&child);
    let status = child.wait().await?;
    drop(leash);
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    let exit = Exit::ALL.into_iter().find(|exit| Some(exit.code()) == code);
    exit.ok_or_else(|| {
        Failure::infrastructure(format!("`{command}` ended with {status}"), "run it by hand to see why")
    })
}

/// What cargo is told; `None` where it was not cargo that started us, or where it was told so already.
fn command(world: &World, feature: &str) -> Option<CommandLine> {
    let ours = world.env("CARGO_PKG_NAME") == Some(env!("CARGO_PKG_NAME"));
    let (Some(cargo), Some(package)) = (world.env("CARGO"), world.env("CARGO_MANIFEST_DIR")) else {
        return None;
    };
    if !ours || world.env(AGAIN) == Some(feature) {
        return None;
    }
    let manifest = format!("{package}/Cargo.toml");
    let words = [
        "run",
        "--package",
        env!("CARGO_PKG_NAME"),
        "--features",
        feature,
        "--manifest-path",
        &manifest,
        "--",
    ];
    let arguments = words.iter().map(|word| (*word).to_owned()).chain(world.arguments().iter().cloned());
    let mut command = CommandLine::new(cargo, arguments).env(AGAIN, feature);
    command.clean_environment = CleanEnvironment::InheritAll;
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;

    #[test]
    fn only_cargo_is_asked_and_only_once() {
        let told = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let world = World::with(variables.collect(), "/".into(), Clock::system());
            command(&world, "github").map(|command| command.to_string())
        };
        let by_cargo = [("CARGO", "/c"), ("CARGO_MANIFEST_DIR", "/w/xtask"), ("CARGO_PKG_NAME", "gateline")];
        let expected = "GATELINE_STARTED_AGAIN_FOR=github /c run --package gateline --features github --manifest-path /w/xtask/Cargo.toml --";
        assert_eq!(told(&by_cargo).as_deref(), Some(expected));
        assert_eq!(told(&by_cargo[..2]), None);
        assert_eq!(told(&[("CARGO", "/c"), ("CARGO_MANIFEST_DIR", "/x"), ("CARGO_PKG_NAME", "other")]), None);
        let again = [&by_cargo[..], &[(AGAIN, "github")]].concat();
        assert_eq!(told(&again), None);
    }
}
