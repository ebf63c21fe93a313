public import Diagnostics
public import SeccompFormat

/// Compiles profiles to programs for the kernel.
///
/// libseccomp supplies the numbers of calls; the program is written by `FilterAssembler`, because libseccomp cannot
/// say "all but these arguments" and takes about ten milliseconds for a profile of this size
/// (Docs/Decisions/0010).
public enum FilterCompiler {
    /// - Throws: `Failure` `seccomp.filter-too-long`.
    public static func compile(_ filter: ResolvedFilter) throws(Failure) -> CompiledFilter {
        try FilterAssembler.assemble(filter, numbers: LibraryNumbering())
    }
}
