/// A deterministic decision maker: events go in, state changes, a list of things to do comes out.
///
/// The promise every core keeps: the same state, event and instant give the same effects, on every run and every
/// machine. So a core reads no clock, draws no randomness of its own, does no input or output, iterates nothing whose
/// order is not defined, and never fails: failures arrive as events and leave as effects.
public protocol Core: Sendable {
    /// A fact or a request.
    associatedtype Event: Sendable
    /// An order to the driver.
    associatedtype Effect: Sendable

    /// Takes one event in. The order of the effects is the order in which the driver carries them out.
    mutating func handle(_ event: Event, at now: Instant) -> [Effect]
}
