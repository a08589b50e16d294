//! How the two ends of a connection come together, and what the end of one means to the other.

use std::io::{ErrorKind, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use super::way::{self, Bus, Ended};
use super::{LOOK, Sky, Weather};

/// How long a modem waits before it dials again.
const REDIAL: Duration = Duration::from_millis(300);

/// Takes connections, each into a thread of its own.
pub fn accept(
    listener: &TcpListener,
    reach: &(impl Fn(TcpStream, &Arc<Sky>) + Clone + Send + 'static),
    sky: &Arc<Sky>,
) {
    while !sky.is_over() {
        match listener.accept() {
            Ok((near, _)) if sky.weather() != Weather::Cut => {
                let (reach, sky) = (reach.clone(), sky.clone());
                std::thread::spawn(move || reach(near, &sky));
            }
            // Cut: it ends at once.
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(LOOK),
            Err(error) => eprintln!("proxy: {error}"),
        }
    }
}

fn far(to: u16) -> std::io::Result<TcpStream> {
    TcpStream::connect(("127.0.0.1", to))
}

/// Both ways of a connection; nothing when nobody listens beyond.
pub fn through(near: TcpStream, to: u16, sky: &Arc<Sky>) {
    let Ok(far) = far(to) else { return };
    if let Err(error) = way::join(&near, &far, None, sky) {
        eprintln!("proxy: {error}");
    }
}

/// The near end stays as long as it likes and the weather lets it: a far end that goes is
/// looked for again.
pub fn bus(near: &TcpStream, to: u16, bus: Bus, sky: &Arc<Sky>) {
    while !sky.is_over() && sky.weather() != Weather::Cut {
        let Ok(far) = far(to) else {
            // What is asked meanwhile goes to nobody.
            match way::swallow(near) {
                Ok(()) => continue,
                Err(_) => return,
            }
        };
        match way::join(near, &far, Some(bus), sky) {
            Ok(Ended::Far) => {}
            Ok(Ended::Near) | Err(_) => return,
        }
    }
}

/// A modem's life: it dials until somebody answers.
pub fn dial(dials: u16, register: &'static str, heartbeat: &'static str, to: u16, sky: &Arc<Sky>) {
    while !sky.is_over() {
        if sky.weather() != Weather::Cut
            && let Ok(mut near) = far(dials)
            && near.write_all(register.as_bytes()).is_ok()
        {
            let beat = Some(heartbeat);
            bus(&near, to, Bus { beat }, sky);
        }
        sleep(REDIAL);
    }
}
