/// The version of all programs of this project.
public enum ProgramVersion {
    /// Kept in step with CHANGELOG.md by hand at a release. Digits and dots: clients of the protocol take it apart.
    public static let text = "0.2.0"
}
