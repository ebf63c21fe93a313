import CLinux
import Glibc

/// A system call that a thread waits in until it is answered, seccomp_unotify(2). Everything here was copied by the
/// kernel; what a pointer among the arguments leads to the thread's process may change at any time.
public struct HandedCall: Equatable, Sendable {
    public let id: UInt64
    public let thread: Int32
    public let number: UInt32
    /// AUDIT_ARCH_*.
    public let architecture: UInt32
    /// Six.
    public let arguments: [UInt64]

    public init(id: UInt64, thread: Int32, number: UInt32, architecture: UInt32, arguments: [UInt64]) {
        self.id = id
        self.thread = thread
        self.number = number
        self.architecture = architecture
        self.arguments = arguments
    }
}

/// What a call answers. That the kernel make the call after all cannot be said: it would read the arguments again.
public enum CallAnswer: Equatable, Sendable {
    case value(Int64)
    case refused(errno: Int32)
}

/// The listener of a filter. When its last descriptor is closed, calls answer ENOSYS.
public struct CallListener: Sendable {
    public let descriptor: OwnedDescriptor
    public init(_ descriptor: OwnedDescriptor) { self.descriptor = descriptor }

    /// The next call; waits for one. Nil when its thread was killed meanwhile.
    public func receive() throws(KernelError) -> HandedCall? {
        var call = bh_call()
        do throws(KernelError) {
            try checked("ioctl(SECCOMP_IOCTL_NOTIF_RECV)") { bh_call_receive(descriptor.number, &call) }
        } catch {
            if error.errno == ENOENT || error.errno == EINTR { return nil }
            throw error
        }
        let arguments = withUnsafeBytes(of: call.arguments) { Array($0.bindMemory(to: UInt64.self)) }
        return HandedCall(
            id: call.id, thread: call.thread, number: call.number, architecture: call.architecture,
            arguments: arguments)
    }

    /// Whether the thread still waits in the call. What was opened by the thread's number before is its own then, and
    /// no stranger's that got the number later.
    public func isWaiting(_ call: HandedCall) throws(KernelError) -> Bool {
        do throws(KernelError) {
            try checked("ioctl(SECCOMP_IOCTL_NOTIF_ID_VALID)") { bh_call_is_valid(descriptor.number, call.id) }
            return true
        } catch {
            if error.errno == ENOENT { return false }
            throw error
        }
    }

    /// False when the thread does not wait any more.
    @discardableResult
    public func answer(_ call: HandedCall, _ answer: CallAnswer) throws(KernelError) -> Bool {
        let (value, refusal): (Int64, Int32) =
            switch answer {
            case .value(let value): (value, 0)
            case .refused(let errno): (0, errno)
            }
        do throws(KernelError) {
            try checked("ioctl(SECCOMP_IOCTL_NOTIF_SEND)") {
                bh_call_answer(descriptor.number, call.id, value, refusal)
            }
            return true
        } catch {
            if error.errno == ENOENT { return false }
            throw error
        }
    }
}

/// What has happened to a descriptor that was waited for.
public enum DescriptorEvent: Sendable {
    case readable
    /// Nothing will ever come again.
    case over
}

extension OwnedDescriptor {
    public static let waitMax = Int(BH_POLL_MAX)

    /// Waits until something can be read from one of at most `waitMax` descriptors, or one is over. In their order.
    public static func waitForAny(_ descriptors: [OwnedDescriptor]) throws(KernelError) -> [DescriptorEvent?] {
        let numbers = descriptors.map(\.number)
        var events = [Int16](repeating: 0, count: descriptors.count)
        while true {
            do throws(KernelError) {
                try checked("poll") { bh_poll_many(numbers, &events, UInt32(numbers.count)) }
            } catch {
                if error.errno == EINTR { continue }
                throw error
            }
            withExtendedLifetime(descriptors) {}
            return events.map { event in
                if event & Int16(POLLIN) != 0 { return .readable }
                return event == 0 ? nil : .over
            }
        }
    }
}
