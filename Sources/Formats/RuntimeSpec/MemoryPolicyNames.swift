/// What linux.memoryPolicy may name, set_mempolicy(2).
public enum MemoryPolicyNames {
    /// In the order of the kernel's numbers, from 0 on.
    public static let modes = [
        "MPOL_DEFAULT", "MPOL_PREFERRED", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED_MANY",
        "MPOL_WEIGHTED_INTERLEAVE",
    ]
    /// With the bit of each.
    public static let flags: [(name: String, bit: UInt32)] = [
        ("MPOL_F_NUMA_BALANCING", 1 << 13), ("MPOL_F_RELATIVE_NODES", 1 << 14), ("MPOL_F_STATIC_NODES", 1 << 15),
    ]
}
