/// Where the numbers of calls come from; names and numbers differ between ABIs.
public protocol CallNumbering: Sendable {
    func number(of call: String, on architecture: FilterArchitecture) -> CallNumber
}

public enum CallNumber: Hashable, Sendable {
    case number(UInt32)
    /// The call exists, but not on this ABI.
    case absent
    case unknown
}

/// Calls that libseccomp 2.5 does not know yet. Since Linux 5.1 a new call has one number on all ABIs; x32 adds its
/// bit.
public enum RecentCalls {
    public static func number(of call: String, on architecture: FilterArchitecture) -> CallNumber {
        if let number = common[call] {
            return .number(architecture == .x32 ? number | FilterArchitecture.x32Bit : number)
        }
        guard let number = x86Only[call] else { return .unknown }
        return architecture == .amd64 ? .number(number) : .absent
    }

    /// Every call of this table with the number it has on x86-64.
    public static var all: [String: UInt32] { common.merging(x86Only) { first, _ in first } }

    private static let common: [String: UInt32] = [
        "set_mempolicy_home_node": 450, "cachestat": 451, "fchmodat2": 452, "map_shadow_stack": 453, "futex_wake": 454,
        "futex_wait": 455, "futex_requeue": 456, "statmount": 457, "listmount": 458, "lsm_get_self_attr": 459,
        "lsm_set_self_attr": 460, "lsm_list_modules": 461, "mseal": 462, "setxattrat": 463, "getxattrat": 464,
        "listxattrat": 465, "removexattrat": 466, "open_tree_attr": 467, "file_getattr": 468, "file_setattr": 469,
        "listns": 470,
    ]

    private static let x86Only: [String: UInt32] = ["uretprobe": 335, "uprobe": 336]
}
