-- nothing
/* to see */
