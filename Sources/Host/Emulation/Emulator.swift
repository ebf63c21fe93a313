import Diagnostics
import LinuxKernel
import SeccompFormat

/// Answers the calls that a container's filters hand over, for as long as the container's first process lives.
///
/// One call at a time, so that a container that calls without end holds up only itself. When this process ends, the
/// kernel answers ENOSYS to every call that would have come here.
public struct Emulator {
    /// Filters whose calls are answered: the first process's and one for each exec.
    static let listenersMax = 128
    /// Programs that connected and have not handed anything over yet.
    static let connectionsMax = 16

    private let socket: OwnedDescriptor
    private let container: ProcessHandle
    private let namespaces: [String?]
    private let devices: DeviceEmulation
    private let system: SystemObservation
    private var listeners: [CallListener] = []
    private var connections: [OwnedDescriptor] = []
    private var placed = 0
    private var complaints = Complaints()

    /// The program: `arguments` are an order's, descriptors 3 and 4 as it says. Gives the exit status.
    public static func main(_ arguments: [String]) -> Int32 {
        var complaints = Complaints()
        guard let order = EmulatorOrder(arguments: arguments) else {
            complaints.say("this program is started by bulkhead for a container with --emulate, not by hand")
            return 2
        }
        do throws(Failure) {
            var emulator = try Emulator(order)
            try emulator.run()
            return 0
        } catch {
            complaints.say("\(error)")
            return 1
        }
    }

    private init(_ order: EmulatorOrder) throws(Failure) {
        do throws(KernelError) {
            // The terminal's signals are for the command that started the container.
            try CurrentProcess.beginSession()
            socket = OwnedDescriptor(owning: EmulatorOrder.socketNumber)
            let handle = OwnedDescriptor(owning: EmulatorOrder.processNumber)
            let process = try ProcessFacts.process(of: handle)
            container = ProcessHandle(id: process, descriptor: handle)
            system = SystemObservation(group: order.group, started: try ProcessFacts.startTime(of: process) ?? 0)
            namespaces = CallerView.namespaces(of: process)
        } catch {
            throw error.failure("emulation.cannot-start", doing: "begin to answer calls")
        }
        devices = DeviceEmulation(
            order: order, container: container, launcher: try LauncherImage(path: order.launcher))
    }

    private mutating func run() throws(Failure) {
        do throws(KernelError) {
            while try turn() {}
        } catch {
            throw error.failure("emulation.lost", doing: "wait for calls")
        }
    }

    /// False when the container has ended.
    private mutating func turn() throws(KernelError) -> Bool {
        let watched = [container.descriptor, socket] + connections + listeners.map(\.descriptor)
        let events = try OwnedDescriptor.waitForAny(watched)
        if events[0] != nil { return false }
        let connected = events[2..<(2 + connections.count)]
        let handed = events[(2 + connections.count)...]
        for (listener, event) in zip(listeners, handed) where event == .readable { answerNext(listener) }
        listeners = zip(listeners, handed).filter { $1 != .over }.map(\.0)
        for (connection, event) in zip(connections, connected) where event == .readable { take(connection) }
        connections = zip(connections, connected).filter { $1 == nil }.map(\.0)
        if events[1] == .readable {
            let connection = try socket.accept()
            if connections.count < Self.connectionsMax { connections.append(connection) }
        }
        return true
    }

    private mutating func take(_ connection: OwnedDescriptor) {
        do throws(KernelError) {
            guard let message = try connection.receiveMessage(limit: 64), let listener = message.descriptor else {
                return
            }
            if listeners.count < Self.listenersMax {
                listeners.append(CallListener(listener))
            } else {
                complaints.say("a filter's calls are not answered: \(Self.listenersMax) are the most")
            }
        } catch {
            complaints.say("a listener did not arrive: \(error)")
        }
    }

    private mutating func answerNext(_ listener: CallListener) {
        do throws(KernelError) {
            guard let call = try listener.receive() else { return }
            guard let answer = answer(call, listener) else { return }
            try listener.answer(call, answer)
        } catch {
            complaints.say("a call was not answered: \(error)")
        }
    }

    /// Nil when the caller does not wait any more.
    private mutating func answer(_ call: HandedCall, _ listener: CallListener) -> CallAnswer? {
        do throws(KernelError) {
            switch ReadCall(call) {
            case .makeNode(let directory, let path, let mode, let number):
                return try makeNode(call, listener, directory, path, mode, number)
            case .systemInformation(let address): return try tellSystem(call, listener, address)
            case nil: return .refused(errno: Errno.noSystemCall)
            }
        } catch {
            // A caller that was killed has no files any more.
            do throws(KernelError) { if try !listener.isWaiting(call) { return nil } } catch let other {
                complaints.say("\(other)")
            }
            return .refused(errno: error.errno)
        }
    }

    private mutating func makeNode(
        _ call: HandedCall, _ listener: CallListener, _ directory: Int32?, _ path: UInt64, _ mode: UInt32,
        _ number: UInt32
    ) throws(KernelError) -> CallAnswer? {
        guard let device = HarmlessDevice(mode: mode, number: number) else {
            return .refused(errno: Errno.notPermitted)
        }
        let view = CallerView(call)
        let memory = try view.memory()
        let root = try view.root()
        let facts = try view.facts()
        let itsNamespaces = CallerView.namespaces(of: call.thread)
        guard try listener.isWaiting(call) else { return nil }
        // One that made namespaces of its own is root there over things it has no right to here.
        guard let facts, itsNamespaces == namespaces, !itsNamespaces.contains(nil) else {
            return .refused(errno: Errno.notPermitted)
        }
        // Read once: what was read is what is looked up.
        let text = try CallerView.path(at: path, in: memory)
        let start = text.first == UInt8(ascii: "/") ? root : try view.directory(directory)
        guard try listener.isWaiting(call) else { return nil }
        guard placed < DeviceEmulation.placedMax else { return .refused(errno: Errno.noSpace) }
        do throws(Failure) {
            let answer = try devices.answer(
                .init(root: root, directory: start, path: text, facts: facts, device: device, mode: mode))
            if answer == .value(0) { placed += 1 }
            return answer
        } catch {
            complaints.say("\(error)")
            return .refused(errno: Errno.notPermitted)
        }
    }

    private func tellSystem(
        _ call: HandedCall, _ listener: CallListener, _ address: UInt64
    ) throws(KernelError) -> CallAnswer? {
        let view = CallerView(call)
        let memory = try view.memory(writable: true)
        let maps = try view.maps()
        guard try listener.isWaiting(call) else { return nil }
        let answer = SystemInformation(try system.facts())
        try CallerView.write(answer.bytes, at: address, in: memory, maps: maps)
        return .value(0)
    }
}

/// What went wrong, a line each, on the standard error; no more lines than a small file may hold.
struct Complaints {
    static let linesMax = 200
    private var lines = 0

    mutating func say(_ text: String) {
        lines += 1
        guard lines <= Self.linesMax else { return }
        let last = lines == Self.linesMax ? " (no more of this is written)" : ""
        CurrentProcess.complain("bulkhead-emulate: \(text)\(last)\n")
    }
}
