//! A component of another world: it imports nothing and exports nothing that the host knows.

#[cfg(target_family = "wasm")]
mod greeter {
    wit_bindgen::generate!({
        inline: "
            package elsewhere:greeter@1.0.0;

            interface greet {
                greet: func(name: string) -> string;
            }

            world greeter {
                export greet;
            }
        ",
    });

    struct Greeter;

    impl exports::elsewhere::greeter::greet::Guest for Greeter {
        fn greet(name: String) -> String {
            format!("hello, {name}")
        }
    }

    export!(Greeter);
}
