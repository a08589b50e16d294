//! Whether the system keeps its clock by a source of time: the network, a receiver, whatever
//! there is. The kernel knows; nothing else tells it for every such program.

/// Whether the kernel counts its clock as synchronised. Where it does not say, it is not.
#[expect(unsafe_code, reason = "the system has no safe call for it")]
pub fn is_synchronised() -> bool {
    // SAFETY: a structure of numbers, for which zeros are values. With no mode set the call
    // changes nothing: it fills the structure.
    let (state, clock) = unsafe {
        let mut clock: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut clock), clock)
    };
    let is_told = state >= 0 && state != libc::TIME_ERROR;
    is_told && clock.status & libc::STA_UNSYNC == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_can_be_asked_and_is_not_changed_by_it() {
        assert_eq!(is_synchronised(), is_synchronised());
    }
}
