import Diagnostics
import LaunchPlanning
import RuntimeSpec

/// The options of one mount, sorted by what the kernel takes them for.
struct MountOptions: Equatable {
    var isBind = false
    /// What is mounted there already is changed; nothing is mounted.
    var isRemount = false
    var bindsRecursively = false
    var set: MountAttributes = []
    var clear: MountAttributes = []
    var recursiveSet: MountAttributes = []
    var recursiveClear: MountAttributes = []
    var propagation: (kind: MountPropagation, recursive: Bool)?
    var idmap: (mapped: Bool, recursive: Bool) = (false, false)
    var copiesUp = false
    var isLinkItself = false
    var refusesLinks = false
    /// What the file system itself is configured with, fsconfig(2).
    var data: [String] = []

    static func == (left: MountOptions, right: MountOptions) -> Bool {
        left.isBind == right.isBind && left.isRemount == right.isRemount
            && left.bindsRecursively == right.bindsRecursively && left.set == right.set
            && left.clear == right.clear && left.recursiveSet == right.recursiveSet
            && left.recursiveClear == right.recursiveClear && left.propagation?.kind == right.propagation?.kind
            && left.propagation?.recursive == right.propagation?.recursive && left.idmap == right.idmap
            && left.copiesUp == right.copiesUp && left.isLinkItself == right.isLinkItself
            && left.refusesLinks == right.refusesLinks && left.data == right.data
    }

    /// Attributes of the mount by the word that sets or clears them; with an `r` before it, of everything below too.
    private static let attributes: [String: (attribute: MountAttributes, sets: Bool)] = [
        "ro": (.readOnly, true), "rw": (.readOnly, false), "nosuid": (.noSetuid, true), "suid": (.noSetuid, false),
        "nodev": (.noDevices, true), "dev": (.noDevices, false), "noexec": (.noExecute, true),
        "exec": (.noExecute, false), "nosymfollow": (.noLinkFollow, true), "symfollow": (.noLinkFollow, false),
        "nodiratime": (.noDirectoryAccessTime, true), "diratime": (.noDirectoryAccessTime, false),
    ]

    /// How accesses are noted: one of three, `relatime` being none of the bits.
    private static let times: [String: MountAttributes] = [
        "noatime": .noAccessTime, "atime": [], "relatime": [], "norelatime": [], "strictatime": .strictAccessTime,
        "nostrictatime": [],
    ]

    init(_ options: [String], type: String?) {
        isBind = type == "bind" || type == "none" && options.contains { $0 == "bind" || $0 == "rbind" }
        for option in options where !Self.isPointless(option, type) { take(option) }
        if type == "bind" && !options.contains("bind") { bindsRecursively = true }
    }

    /// A tmpfs has access lists or has none by how the kernel was built, and refuses the words that say so.
    private static func isPointless(_ option: String, _ type: String?) -> Bool {
        type == "tmpfs" && (option == "acl" || option == "noacl")
    }

    private mutating func take(_ option: String) {
        switch option {
        case "bind": isBind = true
        case "rbind": (isBind, bindsRecursively) = (true, true)
        case "remount": isRemount = true
        case "defaults", "nomand", "loud", "async", "nolazytime": break
        case "idmap": idmap = (true, idmap.recursive)
        case "ridmap": idmap = (true, true)
        case "tmpcopyup": copiesUp = true
        case "copy-symlink", "src-nofollow": isLinkItself = true
        case "dest-nofollow": refusesLinks = true
        case "sync", "dirsync", "lazytime", "mand": data.append(option)
        // What file systems count they always count, and none is told how much to say: fsconfig(2) knows neither word.
        case "iversion", "noiversion", "silent": break
        default:
            if let word = BundleRoot.propagation(option) { propagation = word } else if !takeAttribute(option) {
                data.append(option)
            }
        }
    }

    private mutating func takeAttribute(_ option: String) -> Bool {
        if let (attribute, sets) = Self.attributes[option] {
            change(attribute, sets: sets)
            return true
        }
        if let time = Self.times[option] {
            set.subtract(.accessTimes)
            clear.formUnion(.accessTimes)
            set.formUnion(time)
            return true
        }
        guard option.begins(with: "r") else { return false }
        let word = String(option.dropFirst())
        if let (attribute, sets) = Self.attributes[word] {
            if sets { recursiveSet.insert(attribute) } else { recursiveClear.insert(attribute) }
            return true
        }
        guard let time = Self.times[word] else { return false }
        recursiveSet.subtract(.accessTimes)
        recursiveClear.formUnion(.accessTimes)
        recursiveSet.formUnion(time)
        return true
    }

    private mutating func change(_ attribute: MountAttributes, sets: Bool) {
        if sets {
            set.insert(attribute)
            clear.remove(attribute)
        } else {
            set.remove(attribute)
            clear.insert(attribute)
        }
    }
}
