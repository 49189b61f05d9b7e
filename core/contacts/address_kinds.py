"""Addresses worth a flag: those that several people read, and those made to be thrown away. Nobody is refused."""

from functools import lru_cache

from disposable_email_domains import blocklist

_ROLE_NAMES = (
    # RFC 2142: mailbox names for common services, roles and functions
    "info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp "
    # The usual ones beside it
    "accounting accounts admin administration administrator all billing board booking bookings business career "
    "careers ceo contact contactus customercare customerservice customersupport desk dev editor editorial email "
    "enquiries enquiry events everyone feedback finance frontdesk hello help helpdesk hi hr inbox inquiries "
    "inquiry investor investors invoice invoices it jobs legal list mail mailbox mailer-daemon management manager "
    "media members newsletter no-reply noreply donotreply do-not-reply office operations order orders partners "
    "payments payroll press privacy purchasing reception recruiting recruitment register registration reservations "
    "returns root sales-team secretary service shop staff store subscribe sysadmin team tech test unsubscribe web "
    "welcome "
    # Spanish
    "administracion administrador almacen atencion atencionalcliente ayuda calidad centralita clientes comercial "
    "compras comunicacion contabilidad contacto correo direccion empleo empresa eventos exportacion facturacion "
    "facturas gerencia hola incidencias informacion informatica marketingdigital noticias oficina pagos pedidos "
    "prensa proveedores recepcion rrhh recursoshumanos reservas rgpd lopd secretaria seleccion soporte sugerencias "
    "taller tienda tesoreria ventas"
)
ROLE_NAMES = frozenset(_ROLE_NAMES.split())
"""What stands before the @ in addresses of roles, without what follows a plus sign."""


def is_role(local: str) -> bool:
    """Whether the part before the @, in lower case, is a role's name."""
    return local in ROLE_NAMES or ("+" in local and local.partition("+")[0] in ROLE_NAMES)


@lru_cache(maxsize=100_000)
def is_disposable(domain: str) -> bool:
    """Whether the domain, in lower case, or one above it lends out addresses for minutes."""
    while "." in domain:
        if domain in blocklist:
            return True
        domain = domain.partition(".")[2]
    return False
