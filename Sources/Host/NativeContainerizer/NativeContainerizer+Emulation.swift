public import Containers
public import Diagnostics
import Emulation
import Isolation
import LinuxKernel

/// The program on the host that answers the calls named with `--emulate`: one for each container, found again by files
/// in the container's directory.
extension NativeContainerizer {
    private static let socketName: RawPath = "emulator"
    private static let identityName: RawPath = "emulator.process"
    private static let patience: Int32 = 2_000  // milliseconds

    /// Starts the emulator that `request` asks for. It ends with `process`, the container's first, and outlives us.
    func startEmulator(_ request: ContainerRequest, for process: ProcessHandle) throws(Failure) {
        guard request.isolation.emulated?.isEmpty == false else { return }
        let range = request.isolation.identities
        let order = EmulatorOrder(
            identityBase: range.base, identityCount: range.count,
            group: ControlGroup(request.id, host: host)?.path ?? "", workshop: places.workshop, launcher: launcherPath)
        let program = try EmulatorProgram.found(launcher: launcherPath)
        do throws(KernelError) {
            let place = try OwnedDescriptor.open(RawPath(records.directory(request.id)), [.directory])
            do throws(KernelError) { try place.unlink(Self.socketName) } catch {
                if error.errno != Errno.noEntry { throw error }
            }
            let socket = try place.listenForPackets(as: Self.socketName.description)
            let log = try place.open("emulator.log", [.writeOnly, .create, .append, .noFollow], mode: 0o600)
            let started = try EmulatorProcess.start(program, order, socket: socket, container: process, log: log)
            let start = try ProcessFacts.startTime(of: started.id) ?? 0
            let identity = "\(started.id) \(start) \(try ProcessFacts.bootID())\n"
            try place.open(Self.identityName, [.writeOnly, .create, .truncate, .noFollow], mode: 0o600).write(identity)
        } catch {
            throw error.failure(
                "emulation.cannot-start", doing: "start the program that answers --emulate", on: program)
        }
    }

    /// Gives a filter's listener to the container's emulator; to a new one when there is none any more.
    func hand(
        _ listener: OwnedDescriptor, of request: ContainerRequest, in process: ProcessHandle
    ) throws(Failure) {
        do throws(KernelError) {
            let place = try OwnedDescriptor.open(RawPath(records.directory(request.id)), [.directory])
            let name = Self.socketName.description
            do throws(KernelError) { return try EmulatorProcess.hand(listener, to: name, in: place) } catch {
                guard [Errno.refused, Errno.noEntry].contains(error.errno) else { throw error }
            }
            do throws(Failure) { try startEmulator(request, for: process) } catch {
                throw KernelError(call: error.description, errno: Errno.noProcess)
            }
            try EmulatorProcess.hand(listener, to: name, in: place)
        } catch {
            throw error.failure("emulation.cannot-start", doing: "hand calls to the program that answers --emulate")
        }
    }

    /// The process that answers a container's calls; nil when there is none, or none any more.
    public func emulator(of id: ContainerID) throws(Failure) -> Int32? {
        guard let identity = try emulatorIdentity(of: id) else { return nil }
        return try liveProcess(identity, of: id)?.id
    }

    private func emulatorIdentity(of id: ContainerID) throws(Failure) -> ContainerRecord.ProcessIdentity? {
        let text: String
        do throws(KernelError) {
            text = try TextFile.read("\(records.directory(id))/\(Self.identityName)", limit: 256)
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error.failure("state.unreadable", doing: "look for the emulator of container", on: id.text)
        }
        let words = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
        guard words.count == 3, let process = Int32(words[0]), let start = UInt64(words[1]) else { return nil }
        return .init(id: process, startTime: start, bootID: String(words[2]))
    }

    /// Sees the emulator of a container that has ended out. Finding none is fine.
    func dismissEmulator(of id: ContainerID) throws(Failure) {
        guard let identity = try emulatorIdentity(of: id) else { return }
        do throws(KernelError) {
            if try ProcessFacts.bootID() == identity.bootID { try Self.seeOut(identity) }
            try OwnedDescriptor.open(RawPath(records.directory(id)), [.directory]).unlink(Self.identityName)
        } catch {
            if error.errno == Errno.noEntry { return }
            throw error.failure(
                "emulation.cannot-end", doing: "end the emulator of container", on: id.text,
                retry: error.errno == Errno.timedOut ? .later : .never)
        }
    }

    /// It ends with its container, by itself; what does not is ended.
    private static func seeOut(_ identity: ContainerRecord.ProcessIdentity) throws(KernelError) {
        do throws(KernelError) {
            let process = try ProcessHandle.open(identity.id)
            guard try ProcessFacts.startTime(of: identity.id) == identity.startTime else { return }
            guard try process.waitForEnd(milliseconds: patience) else { return try process.killAndReap() }
            _ = try process.reap()
        } catch {
            // Reaped already, or another command's child.
            guard error.errno == Errno.noProcess || error.errno == Errno.noChild else { throw error }
        }
    }
}
