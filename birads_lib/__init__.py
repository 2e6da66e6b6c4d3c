"""BI-RADS by the Book: a small library for an auditable study of ordinal mammogram grading."""
