import CommandOutput
import Containers
import Diagnostics

/// `--security-opt`, each one a change of one wall.
enum SecurityOption: Equatable {
    case seccompStandard
    case seccompStrict
    case seccompUnconfined
    /// A file with a Docker or OCI profile.
    case seccompProfile(path: String)
    case noNewPrivileges(Bool)
    /// /proc with processes only.
    case processesOnly
    /// What Docker calls systempaths=unconfined: no masked and no read-only paths.
    case pathsUnmasked
    /// None, the usual one, or one that is loaded, by its name.
    case appArmor(AppArmorChoice)
    /// Asks for what is so anyway.
    case nothing

    /// `NAME`, `NAME=VALUE` and, for Docker's older users, `NAME:VALUE`.
    static func parse(_ text: String) throws(Failure) -> SecurityOption {
        let cut = text.firstIndex { $0 == "=" || $0 == ":" }
        let name = cut.map { String(text[..<$0]) } ?? text
        let value = cut.map { String(text[text.utf8.index(after: $0)...]) }
        switch (name, value) {
        case ("seccomp", .some(let value)) where !value.isEmpty:
            return seccomp(value)
        case ("no-new-privileges", nil):
            return .noNewPrivileges(true)
        case ("no-new-privileges", .some(let word)):
            return .noNewPrivileges(try TruthWord.parse(word, flag: "security-opt"))
        case ("proc", "subset"): return .processesOnly
        case ("proc", "masked"): return .nothing
        case ("systempaths", "unconfined"): return .pathsUnmasked
        case ("apparmor", "unconfined"): return .appArmor(.unconfined)
        case ("apparmor", "standard"), ("apparmor", "default"): return .appArmor(.standard)
        case ("apparmor", .some(let profile)) where isProfile(profile): return .appArmor(.named(profile))
        case ("label", "disable"): return .nothing
        default:
            throw .flag(
                "security-opt", text, cause: "it is not known",
                remedy: "known are seccomp=FILE|standard|strict|unconfined, no-new-privileges[=BOOL], proc=subset, "
                    + "systempaths=unconfined and apparmor=PROFILE|unconfined")
        }
    }

    private static func isProfile(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 255
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-/".contains($0)) }
    }

    private static func seccomp(_ value: String) -> SecurityOption {
        switch value {
        case "standard", "builtin", "default": .seccompStandard
        case "strict": .seccompStrict
        case "unconfined": .seccompUnconfined
        default: .seccompProfile(path: value)
        }
    }
}
