"""What recorded results say: scores that may be compared, paired differences of a study's variants with their verdicts,
and verdicts on claims. Reports put it into words, tables and figures; plans and added seeds follow from it."""
