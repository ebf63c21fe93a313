public import Diagnostics
public import LinuxKernel
public import Waiting

extension ProcessHandle {
    /// A stream socket connected to `address` as seen in this process's network. The descriptor is the caller's.
    ///
    /// Only the beginning needs a thread of `pool`, for it is done inside that network. What runs there may never take
    /// the connection, and must not hold threads up that others need: the waiting is done without one.
    /// - Throws: `container.cannot-connect`, also when nobody answers within `seconds` (at least one, at most an hour)
    ///   and when the waiting task is cancelled.
    public func connection(
        to address: String, port: UInt16, seconds: Double, on pool: ThreadPool = .shared
    ) async throws(Failure) -> Int32 {
        let doing = "connect to \(address) at port \(port) inside the container"
        let pending = try await pool.run { () throws(Failure) -> PendingConnection in
            do throws(KernelError) {
                return try NetworkNamespace(of: self).beginConnecting(address: address, port: port)
            } catch {
                throw error.failure("container.cannot-connect", doing: doing, retry: .later)
            }
        }
        do throws(KernelError) {
            return try await pending.made(within: max(1, min(seconds, 3_600))).givenAway()
        } catch {
            throw error.failure("container.cannot-connect", doing: doing, retry: .later)
        }
    }
}

extension PendingConnection {
    fileprivate func made(within seconds: Double) async throws(KernelError) -> OwnedDescriptor {
        let readiness = await Patience.waiting(seconds: seconds) { [socket] () async -> Result<Bool, KernelError>? in
            do throws(KernelError) { return .success(try await socket.awaitReadiness(.writing)) } catch {
                return .failure(error)
            }
        }
        guard let readiness, try readiness.get() else { throw unanswered }
        return try made()
    }
}
