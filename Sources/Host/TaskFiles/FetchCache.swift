import Diagnostics
import LinuxKernel

/// Files that were fetched once and may be wanted again, by user and address; the least recently used goes first.
///
/// It begins empty at each start of the agent: nothing in it is worth trusting a directory that somebody could have
/// changed meanwhile.
actor FetchCache {
    struct Key: Hashable {
        var user: String
        var address: String
    }

    /// A cached file, held until `release`.
    struct Held: Sendable {
        var key: Key
        var name: RawPath
        var bytes: UInt64
    }

    private struct Entry {
        var name: RawPath
        var bytes: UInt64
        var uses = 0
        var lastUse: UInt64 = 0
    }

    nonisolated let directory: OwnedDescriptor
    let bytesMax: UInt64
    private let blocking: BlockingWork
    private var entries: [Key: Entry] = [:]
    /// Those who wait for somebody else's download of the same.
    private var pending: [Key: [CheckedContinuation<Void, Never>]] = [:]
    private var used: UInt64 = 0
    private var clock: UInt64 = 0
    private var numbers: UInt64 = 0

    init(directory: OwnedDescriptor, bytesMax: UInt64, blocking: BlockingWork) {
        self.directory = directory
        self.bytesMax = bytesMax
        self.blocking = blocking
    }

    var bytesUsed: UInt64 { used }
    var count: Int { entries.count }

    /// The file for `key`: what is there, or what `download` writes into the file it is given. Several who ask for the
    /// same wait for one download; when that fails the next of them tries.
    func take(
        _ key: Key, download: @Sendable (RawPath) async throws(Failure) -> UInt64
    ) async throws(Failure) -> Held {
        while true {
            if let found = hold(key) { return found }
            guard pending[key] != nil else { break }
            await withCheckedContinuation { pending[key, default: []].append($0) }
        }
        pending[key] = []
        defer { pending.removeValue(forKey: key)?.forEach { $0.resume() } }
        numbers += 1
        let name = RawPath("f\(numbers)")
        let bytes: UInt64
        do throws(Failure) { bytes = try await download(name) } catch {
            throw await discard(name, after: error)
        }
        entries[key] = Entry(name: name, bytes: bytes)
        used += bytes
        guard let held = hold(key) else { preconditionFailure("an entry that was just made is gone") }
        do throws(Failure) { try await makeRoom() } catch {
            entries[key]?.uses -= 1
            throw error
        }
        return held
    }

    private func hold(_ key: Key) -> Held? {
        guard entries[key] != nil else { return nil }
        clock += 1
        entries[key]?.uses += 1
        entries[key]?.lastUse = clock
        return entries[key].map { Held(key: key, name: $0.name, bytes: $0.bytes) }
    }

    /// Lets go; what was only kept because it was in use goes when there is no room for it.
    func release(_ held: Held) async throws(Failure) {
        entries[held.key]?.uses -= 1
        try await makeRoom()
    }

    private func makeRoom() async throws(Failure) {
        while used > bytesMax {
            let idle = entries.filter { $0.value.uses == 0 }.min { $0.value.lastUse < $1.value.lastUse }
            guard let (key, entry) = idle else { return }
            // Before the file goes, which others do not wait for: nobody is to be given it, or to make its room again.
            entries[key] = nil
            used -= entry.bytes
            do throws(Failure) { try await remove(entry.name, "shrink the fetch cache") } catch {
                // It is there still, and takes its room.
                used += entry.bytes
                entries[key] = entries[key] ?? entry
                throw error
            }
        }
    }

    private func discard(_ name: RawPath, after first: Failure) async -> Failure {
        do throws(Failure) {
            try await remove(name, "remove a file")
            return first
        } catch { return first.also(error) }
    }

    /// On a thread for it: a large file takes the kernel a while to remove. One that is not there is fine.
    private func remove(_ name: RawPath, _ doing: String) async throws(Failure) {
        let directory = directory
        try await blocking.run(doing) { () throws(Failure) in
            do throws(KernelError) { try directory.unlink(name) } catch {
                if error.errno != Errno.noEntry { throw error.failure("fetch.cache", doing: doing) }
            }
        }
    }
}
