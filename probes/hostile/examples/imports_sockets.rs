//! A step like any other, which also imports a way to the network: it must be refused by the name of that import, before it is
//! even compiled. No host of ours offers the function; what matters is that it is asked for.

use rehearsal_guest::{Database, Description, Outcome, Result, Step, params};

/// What the SDK does not offer.
mod network {
    wit_bindgen::generate!({
        inline: "
            package wasi:sockets@0.2.3;

            interface tcp {
                connect: func(address: string, port: u16) -> result;
            }

            world caller {
                import tcp;
            }
        ",
    });
}

struct ImportsSockets;

impl Step for ImportsSockets {
    fn describe() -> Description {
        Description::new("imports-sockets", "Calls home.")
    }

    fn apply(db: &Database) -> Result<Outcome> {
        let connected = network::wasi::sockets::tcp::connect("203.0.113.1", 443).is_ok();
        db.execute("CREATE TABLE hostile_mark (x)", params![])?;
        Ok(Outcome::Changed(format!("connected: {connected}")))
    }
}

rehearsal_guest::export_step!(ImportsSockets);
