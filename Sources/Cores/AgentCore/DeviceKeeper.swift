public import Containers
public import Diagnostics

/// What knows the devices of this host.
public protocol DeviceKeeper: Sendable {
    /// What these devices bring into a container. Looked up anew at each call.
    ///
    /// - Throws: `device.not-found`, `device.refused`, `device.unreadable`.
    func grant(_ devices: [DeviceOrder]) async throws(Failure) -> DeviceGrant
}
