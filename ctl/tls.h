/* tls.h - what key made of the certificates, for whoever had it read them. */
#ifndef CTL_TLS_H
#define CTL_TLS_H

/* The command ends if key refused a pair when it last read the files: it says
   which, why, and what is served instead. */
void		 certificates_must_be_taken(void);

#endif
