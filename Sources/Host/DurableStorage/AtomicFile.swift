public import LinuxKernel

/// Small state files that are seen whole, old or new, by every reader and after every crash.
public enum AtomicFile {
    /// What names of unfinished files begin with. Whoever holds the lock that guards a directory may remove them.
    public static let temporaryPrefix = ".unfinished-"

    /// Replaces `name` in `directory` with a file holding `content`: written under another name, fsynced, renamed, and
    /// the directory fsynced. With `durable` false nothing is fsynced: whole after the crash of a process, but after a
    /// power cut possibly absent or empty.
    ///
    /// When it throws, `name` is as it was, and nothing else is left behind.
    public static func replace(
        _ name: RawPath, in directory: OwnedDescriptor, with content: [UInt8], mode: UInt32 = 0o600,
        durable: Bool = true
    ) throws(KernelError) {
        let temporary = RawPath(temporaryPrefix + RandomName.make())
        let file = try directory.open(temporary, [.writeOnly, .create, .exclusive, .noFollow], mode: mode)
        do throws(KernelError) {
            try file.write(content)
            if durable { try file.synchronize() }
            try directory.rename(temporary, to: name)
        } catch {
            try removeAfter(error, temporary, in: directory)
        }
        if durable { try directory.synchronize() }
    }

    private static func removeAfter(
        _ first: KernelError, _ temporary: RawPath, in directory: OwnedDescriptor
    ) throws(KernelError) -> Never {
        // The first failure is what the caller must hear; a file that stays is removed by `sweep`.
        do throws(KernelError) { try directory.unlink(temporary) } catch { throw first }
        throw first
    }

    /// Removes what crashed writers left in `directory`. Only for the holder of the lock its writers take.
    public static func sweep(_ directory: OwnedDescriptor) throws(KernelError) {
        for entry in try directory.entries() where entry.name.bytes.starts(with: temporaryPrefix.utf8) {
            do throws(KernelError) { try directory.unlink(entry.name) } catch {
                if error.errno != Errno.noEntry { throw error }
            }
        }
    }

    /// The whole file, refused with EFBIG over `limit` bytes and with ELOOP when it is a link. Nil when it is not
    /// there.
    public static func read(
        _ name: RawPath, in directory: OwnedDescriptor, limit: Int
    ) throws(KernelError) -> [UInt8]? {
        do throws(KernelError) {
            return try directory.open(name, [.readOnly, .noFollow, .nonBlocking]).readAll(limit: limit)
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw KernelError(call: error.call, on: name.description, errno: error.errno)
        }
    }
}

/// Names nobody else has taken.
public enum RandomName {
    /// 32 hexadecimal digits from the system's generator.
    public static func make() -> String {
        (0..<2).map { _ in
            let digits = String(UInt64.random(in: .min ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
