//! The types and signatures of the commands as TypeScript. The text is committed; a test compares.

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};

use ts_rs::{Config, TS, TypeVisitor};

const HEAD: &str =
    "// Made from the Rust side by `UPDATE_CONTRACT=1 cargo test -p tidings-desktop --test contract`.\n";

/// Gathers what the window may ask and what it is told.
pub(crate) struct Contract {
    types: Types,
    commands: String,
    event: String,
    error: String,
    arguments: Vec<String>,
}

impl Default for Contract {
    fn default() -> Self {
        Self {
            types: Types {
                config: Config::new().with_large_int("number"),
                seen: BTreeSet::new(),
                declared: BTreeMap::new(),
            },
            commands: String::new(),
            event: String::new(),
            error: String::new(),
            arguments: Vec::new(),
        }
    }
}

impl Contract {
    pub(crate) fn event<T: TS + 'static>(&mut self) {
        self.event = self.types.name::<T>();
    }

    pub(crate) fn error<T: TS + 'static>(&mut self) {
        self.error = self.types.name::<T>();
    }

    pub(crate) fn command(&mut self, name: &str) {
        self.arguments.clear();
        self.commands.push_str(&format!("  {name}: "));
    }

    pub(crate) fn argument<T: TS + 'static>(&mut self, name: &str) {
        let argument = format!("{name}: {}", self.types.name::<T>());
        self.arguments.push(argument);
    }

    pub(crate) fn answer<T: TS + 'static>(&mut self) {
        let answer = self.types.name::<T>();
        let arguments = if self.arguments.is_empty() {
            "Record<string, never>".to_owned()
        } else {
            format!("{{ {} }}", self.arguments.join("; "))
        };
        self.commands.push_str(&format!("{{ ask: {arguments}; answer: {answer} }};\n"));
    }

    pub(crate) fn text(&self) -> String {
        let declared: String = self
            .types
            .declared
            .values()
            .map(|declaration| format!("export {}\n\n", compact(declaration)))
            .collect();
        let Self { commands, event, error, .. } = self;
        format!(
            "{HEAD}\n{declared}/** What the window may ask, and what it is answered. */\nexport interface Commands {{\n\
             {commands}}}\n\n/** What the window is told without having asked. */\nexport type Told = {event};\n\n\
             /** Why a command did not do what it says. */\nexport type Failure = {error};\n"
        )
    }
}

/// Comments on one line each, before what they are about.
fn compact(declaration: &str) -> String {
    let lines = declaration.replace(" \n/**\n * ", "\n/** ").replace("\n */\n", " */\n");
    let lines = lines.lines().map(|line| format!("  {}\n", line.trim())).collect::<String>();
    lines.trim().replacen("export   ", "export ", 1)
}

struct Types {
    config: Config,
    seen: BTreeSet<TypeId>,
    declared: BTreeMap<String, String>,
}

impl Types {
    fn name<T: TS + 'static + ?Sized>(&mut self) -> String {
        self.visit::<T>();
        T::name(&self.config)
    }
}

impl TypeVisitor for Types {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        // Only types of our own have a place of their own; lists, options and plain types are written where they stand.
        if T::output_path().is_some() {
            let declaration = T::decl(&self.config);
            self.declared.insert(T::ident(&self.config), declaration);
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}
