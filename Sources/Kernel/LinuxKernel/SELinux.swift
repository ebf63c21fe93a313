/// SELinux as its own file system shows it: whether a policy is enforced, what the policy knows, and what it allows.
public enum SELinux {
    public enum State: String, Codable, Sendable {
        /// Not among the active modules of this kernel.
        case absent
        /// Active, and its files are not mounted or not ours to read.
        case hidden
        /// Active without a policy: nothing is denied, whatever mode it says.
        case empty
        /// Says what it would deny.
        case permissive
        case enforcing
    }

    private static let place = "/sys/fs/selinux"
    /// Of a context the kernel gives back.
    private static let labelBytesMax = 4_096

    /// What is so now. A policy, once loaded, stays; the mode may change at any time.
    public static func state() -> State {
        do throws(KernelError) {
            let mode = try TextFile.read(place + "/enforce", limit: 16)
            guard HostFacts.exists(place + "/class/process") else { return .empty }
            return mode.begins(with: "1") ? .enforcing : .permissive
        } catch {
            return isRegistered() ? .hidden : .absent
        }
    }

    /// The module registers its file system when it is active, and only then.
    private static func isRegistered() -> Bool {
        do throws(KernelError) {
            // By bytes: every launch asks, and characters cost fifty times as much.
            let known = try OwnedDescriptor.open("/proc/filesystems").readAll(limit: 1 << 16)
            return known.split { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\n") }
                .contains { $0.elementsEqual("selinuxfs".utf8) }
        } catch {
            return false
        }
    }

    /// `label` as the kernel itself writes it: categories sorted and joined, in the way attr/current shows them. Throws
    /// EINVAL for a label the loaded policy does not know.
    public static func canonical(_ label: String) throws(KernelError) -> String {
        try ask("context", label)
    }

    /// An answer of the policy.
    public struct Decision: Equatable, Sendable {
        public var isAllowed: Bool
        /// The policy only reports what this domain is denied.
        public var isPermissive: Bool
    }

    /// Whether the policy lets `label` do `permission` to an object of `kind` labelled `target`. Nil for a permission
    /// the policy does not define, which the kernel asks nobody about.
    public static func decision(
        _ label: String, may permission: String, _ kind: String, _ target: String
    ) throws(KernelError) -> Decision? {
        let directory = "\(place)/class/\(kind)"
        guard HostFacts.exists("\(directory)/perms/\(permission)") else { return nil }
        guard let number = UInt32(try TextFile.read("\(directory)/index", limit: 16)),
            let bit = UInt32(try TextFile.read("\(directory)/perms/\(permission)", limit: 16)), (1...32).contains(bit)
        else { throw KernelError(call: "understand", on: directory, errno: Errno.invalid) }
        // selinux_check_access(3): allowed, then four numbers, then flags, of which the first is "permissive".
        let words = try ask("access", "\(label) \(target) \(number)").cut(at: " ")
        guard words.count == 6, let allowed = UInt32(words[0], radix: 16), let flags = UInt32(words[5], radix: 16)
        else { throw KernelError(call: "understand", on: place + "/access", errno: Errno.invalid) }
        return Decision(isAllowed: allowed & (1 << (bit - 1)) != 0, isPermissive: flags & 1 != 0)
    }

    /// Whether the policy only reports what the domain of `label` is denied.
    public static func isPermissive(_ label: String) throws(KernelError) -> Bool {
        try decision(label, may: "fork", "process", label)?.isPermissive ?? false
    }

    /// The label of what the kernel itself is, such as `kernel`.
    public static func initialLabel(_ name: String) throws(KernelError) -> String {
        text(try TextFile.read("\(place)/initial_contexts/\(name)", limit: labelBytesMax))
    }

    /// The label of a file; nil where it has none.
    public static func label(of path: String) throws(KernelError) -> String? {
        do throws(KernelError) {
            let bytes = try OwnedDescriptor.open(RawPath(path)).attribute("security.selinux")
            return text(String(decoding: bytes, as: UTF8.self))
        } catch {
            if error.errno == Errno.noData || error.errno == Errno.notSupported { return nil }
            throw error
        }
    }

    private static func ask(_ file: String, _ question: String) throws(KernelError) -> String {
        do throws(KernelError) {
            let descriptor = try OwnedDescriptor.open(RawPath("\(place)/\(file)"), [.readWrite])
            try descriptor.write(question)
            return text(String(decoding: try descriptor.readAll(limit: labelBytesMax), as: UTF8.self))
        } catch {
            throw KernelError(call: error.call, on: "\(place)/\(file)", errno: error.errno)
        }
    }

    /// The kernel's answers may end in a zero byte, and in blanks.
    private static func text(_ answer: String) -> String {
        String(answer.prefix { $0 != "\0" && !$0.isNewline })
    }
}
