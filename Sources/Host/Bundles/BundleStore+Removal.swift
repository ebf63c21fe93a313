public import Diagnostics
import LinuxKernel

/// A container for whoever removes it: everybody else who wants to remove it waits.
struct HeldBundle {
    let id: String
    let place: OwnedDescriptor
    /// Its config.json, locked, flock(2). Nil where it is gone: a version that took a container away file by file was
    /// killed while it did.
    let configuration: OwnedDescriptor?
}

/// How a container goes: all at once, by its name. What is below it then is nobody's, and goes piece by piece.
extension BundleStore {
    /// Both begin with a dot, as no id does. What is made has no name yet, and belongs to whoever makes it; what is
    /// removed has none any more, and anybody may go on with it.
    static let unnamedPrefix = ".new."
    static let removedPrefix = ".gone."
    /// A directory has its name milliseconds after it is made.
    private static let unnamedSecondsMax = 60.0
    /// How often a directory is emptied that somebody else puts something into, or empties as well.
    private static let roundsMax = 16

    /// Whether the container's name leads to `place`. Who deletes a container that is still being created takes its
    /// name away from under its creator.
    func isNamed(_ id: String, _ place: OwnedDescriptor) throws(Failure) -> Bool {
        do throws(KernelError) {
            let named = try OwnedDescriptor.open(RawPath(directory(id)), [.path, .directory])
            return try named.isSameFile(as: place)
        } catch {
            if error.errno == Errno.noEntry { return false }
            throw Self.failed(error, "find the container's directory")
        }
    }

    /// Waits for whoever is removing the container, and holds it then. Nil when its name does not lead to `place` any
    /// more: it has been removed, and whatever has the name by now is another container.
    func hold(_ id: String, _ place: OwnedDescriptor) throws(Failure) -> HeldBundle? {
        var file: OwnedDescriptor?
        do throws(KernelError) {
            // Not the directory: its creator holds that one, who is not waited for.
            let found = try place.open("config.json")
            _ = try found.lock(exclusive: true, wait: true)
            file = found
        } catch {
            if error.errno != Errno.noEntry { throw Self.failed(error, "hold the container to remove it") }
        }
        guard try isNamed(id, place) else { return nil }
        return HeldBundle(id: id, place: place, configuration: file)
    }

    func configuration(_ held: HeldBundle) throws(Failure) -> (bytes: [UInt8], own: [String]) {
        do throws(KernelError) {
            guard let file = held.configuration else {
                throw KernelError(call: "open", on: "config.json", errno: Errno.noEntry)
            }
            return try configuration(file, in: held.place)
        } catch { throw Self.failed(error, "read the container's configuration") }
    }

    /// Takes the container's name away, after which there is none: nobody sees a half of it, and the name can be used
    /// again. What it has outside of its directory must be gone before, because nobody would find it afterwards.
    ///
    /// - Returns: what is left to be cleared; nil when somebody who does not wait for others was faster.
    func takeName(_ held: HeldBundle) throws(Failure) -> RawPath? {
        let rest = RawPath("\(Self.removedPrefix)\(KernelRandom.uuid())")
        do throws(KernelError) {
            let above = try OwnedDescriptor.open(RawPath(root), [.directory])
            try above.rename(RawPath(held.id), to: rest, replacing: false)
            // Whoever waited sees that the name is gone, and need not wait for hooks.
            try held.configuration?.unlock()
            return rest
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw Self.failed(error, "take the container's name away")
        }
    }

    /// Removes what has no name. What is not there is fine.
    func clear(_ rest: RawPath) throws(Failure) {
        do throws(KernelError) {
            try Self.clear(rest, in: try OwnedDescriptor.open(RawPath(root), [.directory]))
        } catch {
            if error.errno == Errno.noEntry { return }
            throw error.failure(
                "bundle.state", doing: "remove what is left of the container", on: "\(root)/\(rest)",
                remedy: "take away what is mounted there; `list` removes it then")
        }
    }

    /// Others may do the same, and a creator who has not seen yet that its container was deleted may still make files
    /// there. What is left after so many rounds goes when somebody looks at all containers.
    private static func clear(_ rest: RawPath, in above: OwnedDescriptor) throws(KernelError) {
        for _ in 0..<roundsMax {
            do throws(KernelError) { return try TreeRemoval.remove(rest, in: above) } catch {
                guard error.errno == Errno.noEntry || error.errno == Errno.notEmpty else { throw error }
            }
        }
    }

    /// Names of the directories there are, sorted. Whoever looks at all of them also removes what others left that were
    /// killed before a container had a name, or after it had lost it.
    public func ids() throws(Failure) -> [String] {
        do throws(KernelError) {
            let above = try OwnedDescriptor.open(RawPath(root), [.directory])
            let entries = try above.entries()
            for entry in entries {
                let name = entry.name.description
                if name.begins(with: Self.unnamedPrefix) { try removeUnnamed(entry.name, in: above) }
                if name.begins(with: Self.removedPrefix) { Self.goOn(entry.name, in: above) }
            }
            return entries.filter { $0.kind == .directory }.map(\.name.description)
                .filter { !$0.begins(with: ".") }.sorted()
        } catch {
            if error.errno == Errno.noEntry { return [] }
            throw Self.failed(error, "list the containers")
        }
    }

    private func removeUnnamed(_ name: RawPath, in above: OwnedDescriptor) throws(KernelError) {
        do throws(KernelError) {
            let place = try above.open(name, [.directory, .noFollow])
            let age = HostFacts.wallClock() - Double(try place.status().modifiedSeconds)
            guard age > Self.unnamedSecondsMax, try place.lock(exclusive: true, wait: false) else { return }
            try TreeRemoval.remove("\(root)/\(name)")
        } catch {
            // It has its name now, or somebody else has removed it.
            if error.errno != Errno.noEntry { throw error }
        }
    }

    /// Whoever deleted the container was told why it could not be removed whole; the others are listed all the same.
    private static func goOn(_ rest: RawPath, in above: OwnedDescriptor) {
        do throws(KernelError) { try clear(rest, in: above) } catch { return }
    }
}
